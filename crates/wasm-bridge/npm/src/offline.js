// The one-file page: the engine stands in it as text, and the address's fragment says what to show.

import { define } from './element.js';
import { make } from './dom.js';
import { configure, load } from './site.js';

const text = document.getElementById('engine').textContent;
configure({ wasm: Uint8Array.from(atob(text), (c) => c.charCodeAt(0)) });
define();

const stage = document.querySelector('exitless-stage');
const choice = document.querySelector('select');
const follow = () => {
  const state = decodeURIComponent(location.hash.slice(1));
  if (state) stage.setAttribute('state', state);
  choice.value = state;
};
addEventListener('hashchange', follow);
choice.onchange = () => (location.hash = choice.value);
load().then(
  ({ presets }) => {
    choice.replaceChildren(...presets().map(({ name, title }) => make('option', { value: name, text: title })));
    follow();
  },
  // The stage says what is wrong.
  () => choice.remove(),
);
// The moment is in the address, so that a reload or a bookmark keeps it.
stage.addEventListener('exitless-step', ({ detail }) => history.replaceState(null, '', `#${detail.link}`));
follow();
