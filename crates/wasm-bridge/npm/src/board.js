// What is inside <exitless-stage> once it runs: heading, stages, sentence, controls.

import { make } from './dom.js';

const LEDGER = [
  ['exits_arming', 'exits, arming'],
  ['exits_firing', 'exits, firing'],
  ['exits_other', 'other exits'],
  ['ipis_sent', 'IPIs sent'],
  ['ipis_suppressed', 'IPIs not needed'],
  ['guest_time_lost_ns', 'guest time lost, ns'],
  ['housekeeper_time_ns', 'housekeeper time, ns'],
];

let boards = 0;

export class Board {
  #id = `exitless-${(boards += 1)}`;
  #title = make('span', { class: 'title' });
  #open = make('a', { target: '_blank', rel: 'noopener', text: 'Open in Exitless' });
  #stages = make('div');
  #ledger = make('div');
  #text = make('pre', { tabindex: '0', 'aria-label': 'The tick as text' });
  #sentence = make('p', { class: 'sentence', 'aria-live': 'polite', 'aria-atomic': 'true' });
  #controls = make('div', { class: 'controls' });
  #count = make('span', { class: 'count' });
  #paper = make('p', { class: 'paper-link' });
  #buttons;
  #pictures = [];

  /** The moment that is shown. */
  state;

  constructor({ step, back, start, next, play }) {
    const button = (name, text, label, onclick) => [name, make('button', { type: 'button', 'aria-label': label, title: label, text, onclick, 'data-do': name })];
    this.#buttons = Object.fromEntries([
      button('start', 'Start', 'Start', start),
      button('back', 'Back', 'Back', back),
      button('step', 'Step', 'Step', step),
      button('next', 'Next expiry', 'Next expiry', next),
      button('play', 'Play', 'Play', play),
    ]);
    this.#controls.append(...Object.values(this.#buttons), this.#count);
    this.element = make(
      'div', {},
      make('div', { class: 'head' }, this.#title, this.#open),
      this.#stages, this.#ledger, this.#text, this.#sentence, this.#controls, this.#paper,
    );
  }

  draw(run, { width, view, controls, playing, permalink }) {
    const state = run.state();
    this.state = state;
    this.#title.textContent = state.title;
    this.#open.hidden = !permalink || controls === 'none';
    this.#open.href = permalink ?? '';
    this.#paper.textContent = permalink ?? '';
    this.#drawStages(run, state, view.includes('stage') ? width : 0);
    this.#ledger.hidden = !view.includes('ledger');
    if (view.includes('ledger')) this.#ledger.replaceChildren(ledger(state));
    this.#text.hidden = !view.includes('text');
    if (view.includes('text')) this.#text.textContent = run.text(permalink?.split('#')[0] ?? '');
    // A live region speaks when it is changed, so it is changed only when there is something new to say.
    if (this.#sentence.textContent !== state.sentence) this.#sentence.textContent = state.sentence;
    this.#count.textContent = `step ${state.step} of ${state.of}`;
    this.#controls.hidden = controls === 'none';
    this.#enable(state, controls, playing);
  }

  #drawStages(run, { paths }, width) {
    this.#stages.hidden = width === 0;
    if (width === 0) return;
    if (this.#pictures.length !== paths.length) {
      this.#pictures = paths.map(() => ({ head: make('div', { class: 'path' }), place: make('div', { class: 'place' }), svg: '' }));
      this.#stages.replaceChildren(...this.#pictures.flatMap(({ head, place }) => [head, place]));
    }
    paths.forEach((path, i) => {
      const picture = this.#pictures[i];
      const tally = make('span', { text: `this tick: ${count(path.tick.exits, 'exit')}, ${count(path.tick.ipis, 'IPI')}` });
      picture.head.replaceChildren(`${path.title}, `, tally);
      const svg = run.stage(i, { width, id: `${this.#id}-${i}` });
      // The engine escapes every word in its pictures; nothing else is ever parsed.
      if (svg !== picture.svg) picture.place.innerHTML = svg;
      picture.svg = svg;
    });
  }

  #enable({ step, of }, controls, playing) {
    const { start, back, step: on, next, play } = this.#buttons;
    // Not the attribute `disabled`: it would take the focus away from who steps to the end.
    const off = (button, is) => button.setAttribute('aria-disabled', String(is));
    off(start, step === 0);
    off(back, step === 0);
    off(on, step === of);
    off(next, step === of);
    off(play, step === of);
    play.textContent = playing ? 'Stop' : 'Play';
    play.setAttribute('aria-label', play.textContent);
    for (const button of [start, next, play]) button.hidden = controls === 'step';
  }
}

const count = (number, thing) => `${number} ${thing}${number === 1 ? '' : 's'}`;

function ledger({ paths }) {
  const head = make('tr', {}, make('th', { scope: 'col', text: 'since the start' }), ...paths.map(({ title }) => make('th', { scope: 'col', text: title })));
  const rows = LEDGER.map(([key, name]) =>
    make('tr', {}, make('th', { scope: 'row', text: name }), ...paths.map((path) => make('td', { text: path.ledger[key].toLocaleString('en') }))),
  );
  return make('table', {}, make('thead', {}, head), make('tbody', {}, ...rows));
}
