// The page embed/: one stage that fills it, told by its address and by the messages of messages.d.ts.
//
// `embed/?view=…&theme=…&controls=…&speed=…#STATE`, where STATE is what stands behind # in the application's address.

import { define } from './element.js';
import { configure } from './site.js';

configure({ embed: document.currentScript.src });
const stage = document.querySelector('exitless-stage');
const asked = new URLSearchParams(location.search);
for (const name of ['view', 'theme', 'controls', 'speed']) {
  if (asked.has(name)) stage.setAttribute(name, asked.get(name));
}
const state = decodeURIComponent(location.hash.slice(1));
if (state) stage.setAttribute('state', state);

// The figure of a preset is there before the engine.
const figure = document.getElementById('figure');
const preset = /^[a-z0-9-]*$/.test(state) ? state || 'pinned-vs-offloaded' : asked.get('figure');
if (preset && /^[a-z0-9-]+$/.test(preset)) {
  figure.onload = () => (figure.hidden = false);
  figure.src = `../figure/${preset}.svg`;
}

/** The host, once it has said hello: its window is the parent, its origin the one it said it from. */
let host;
let ignored = 0;

const ignore = () => (document.documentElement.dataset.ignored = String((ignored += 1)));

/** `open` messages hold nothing of the run, so a host without an origin may hear them. */
function tell(message, open = false) {
  if (!host) return;
  const nameless = host === 'null';
  if (nameless && !open) return;
  parent.postMessage({ exitless: 1, ...message }, nameless ? '*' : host);
}

const height = () => Math.ceil(document.body.getBoundingClientRect().height);
const shown = () => stage.run.state();

const obey = {
  hello: () => {
    tell({ type: 'ready', version: document.documentElement.dataset.version.replace('?v=', ''), minHeight: 320 }, true);
    tell({ type: 'resize', height: height() }, true);
  },
  load: async ({ state }) => {
    const opened = new Promise((done, failed) => {
      stage.addEventListener('exitless-ready', ({ detail }) => done(detail), { once: true });
      stage.addEventListener('exitless-error', ({ detail }) => failed(detail), { once: true });
    });
    stage.open(String(state));
    return opened;
  },
  step: ({ n = 1 }) => (stage.step(n), shown()),
  seek: ({ step }) => (stage.seek(step), shown()),
  play: ({ speed }) => (stage.play(speed), shown()),
  pause: () => (stage.pause(), shown()),
  setTheme: ({ theme }) => stage.setAttribute('theme', theme),
  setView: ({ view }) => stage.setAttribute('view', view),
  get: ({ what, path, from, to }) => {
    if (what === 'state') return shown();
    if (what === 'link') return stage.run.link;
    if (what === 'ignored') return ignored;
    if (what === 'events') return stage.run.events(path, from, to);
    throw { code: 'what', text: `there is no "${what}" to get; there are: state, link, ignored, events` };
  },
  export: ({ format }) => {
    if (format === 'svg') return stage.run.figure({ theme: 'auto' });
    if (format === 'text') return stage.run.text(stage.permalink?.split('#')[0]);
    throw { code: 'format', text: `there is no format "${format}"; there are: svg, text` };
  },
};

async function hear({ source, origin, data }) {
  if (source !== parent || parent === window) return ignore();
  // reveal.js tells its frames which slide shows.
  if (data === 'slide:stop') return stage.pause();
  if (data === 'slide:start') return void stage.wake();
  if (data?.exitless !== 1) return ignore();
  if (data.type === 'hello') host ??= origin;
  if (origin !== host) return ignore();
  const { id, type } = data;
  if (!Object.hasOwn(obey, type)) {
    return tell({ type: 'error', id, code: 'type', text: `there is no message "${type}"; there are: ${Object.keys(obey).join(', ')}` }, true);
  }
  try {
    if (type !== 'hello') await stage.wake();
    const value = await obey[type](data);
    if (id !== undefined) tell({ type: 'answer', id, value });
  } catch ({ code = 'stopped', text, message }) {
    tell({ type: 'error', id, code, text: text ?? message });
  }
}

addEventListener('message', hear);
stage.addEventListener('exitless-step', ({ detail }) => {
  tell({ type: 'state', permalink: stage.permalink, step: detail.step, of: detail.of, sentence: detail.sentence });
});
stage.addEventListener('exitless-error', ({ detail }) => tell({ type: 'error', ...detail }));
new ResizeObserver(() => tell({ type: 'resize', height: height() }, true)).observe(document.body);
addEventListener('hashchange', () => stage.setAttribute('state', decodeURIComponent(location.hash.slice(1)) || 'pinned-vs-offloaded'));
define();
