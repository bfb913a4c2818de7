// The page picture/: the moment of its fragment as a picture in each theme, to look at and to save.

import { make } from './dom.js';
import { configure, load } from './site.js';

configure({ embed: new URL(`../embed/${new URL(document.currentScript.src).search}`, document.currentScript.src).href });
const place = document.querySelector('main');

async function draw() {
  const state = decodeURIComponent(location.hash.slice(1)) || 'pinned-vs-offloaded';
  const run = (await load()).open(state);
  const figures = [['light', 'Light'], ['dark', 'Dark'], ['auto', 'As the reader prefers']].map(([theme, words]) => {
    const name = theme === 'auto' ? 'exitless.svg' : `exitless.${theme}.svg`;
    const href = URL.createObjectURL(new Blob([run.figure({ width: 900, theme })], { type: 'image/svg+xml' }));
    return make('section', {}, make('h2', { text: words }), make('p', {}, make('a', { href, download: name, text: `Save ${name}` })), make('img', { src: href, alt: run.sentence }));
  });
  place.replaceChildren(make('h1', { text: run.state().title }), ...figures);
}

draw().catch(({ message }) => place.append(make('p', { role: 'alert', text: message })));
