// <exitless-stage src | state | preset  view  theme  controls  speed>: a run to step through, inside a document.
//
// Until it comes into view it is what the author put into it: a picture, a link, words. Then it loads the engine, once for
// all of them, and draws. Between two touches it does nothing: no timer, no frame. What cannot be run falls back: to a
// frame where only this page's policy forbids WebAssembly, else to what the author put there, with a link and the reason.

import { framed } from './fallback.js';
import { make } from './dom.js';
import { Board } from './board.js';
import { dress } from './look.js';
import * as site from './site.js';
import * as theme from './theme.js';

const FIRST = 'pinned-vs-offloaded';
const SOURCE = ['src', 'state', 'preset'];

/** Wakes stages that come near the window; also stops what plays out of sight. */
const near = 'IntersectionObserver' in globalThis && new IntersectionObserver(
  (entries) => entries.forEach(({ target, isIntersecting }) => target.seen(isIntersecting)),
  { rootMargin: '200px' },
);

export class ExitlessStage extends HTMLElement {
  static observedAttributes = [...SOURCE, 'lesson', 'view', 'theme', 'controls', 'speed', 'label'];

  #root = this.attachShadow({ mode: 'open', delegatesFocus: true });
  #box = make('div', { class: 'box', role: 'group' });
  #message = make('p', { class: 'message', hidden: true });
  #board;
  #exitless;
  #waking;
  #timer;
  #width = 0;
  #unfollow;
  #frame;
  #resized = 'ResizeObserver' in globalThis && new ResizeObserver(([entry]) => this.#resize(entry.contentRect.width));
  #printing = (event) => this.#dress(event.type === 'beforeprint' ? 'light' : undefined);
  #hidden = () => document.hidden && this.pause();

  run;

  connectedCallback() {
    dress(this.#root);
    this.#box.replaceChildren(make('slot'), this.#message);
    this.#root.replaceChildren(this.#box);
    this.#box.setAttribute('aria-label', this.getAttribute('label') ?? "Exitless: a virtual machine's timer tick");
    this.#box.onfocusin = this.#box.onclick = () => void this.wake();
    this.#box.onkeydown = (event) => this.#key(event);
    this.#unfollow = theme.follow(() => this.#dress());
    document.addEventListener('visibilitychange', this.#hidden);
    addEventListener('beforeprint', this.#printing);
    addEventListener('afterprint', this.#printing);
    this.#dress();
    if (this.run) this.#show();
    if (near) near.observe(this);
    else void this.wake();
  }

  disconnectedCallback() {
    this.pause();
    if (near) near.unobserve(this);
    if (this.#resized) this.#resized.disconnect();
    this.#unfollow?.();
    document.removeEventListener('visibilitychange', this.#hidden);
    removeEventListener('beforeprint', this.#printing);
    removeEventListener('afterprint', this.#printing);
  }

  attributeChangedCallback(name, before, after) {
    if (before === after || !this.isConnected) return;
    if (name === 'theme') this.#dress();
    else if (name === 'speed') this.#timer && this.play();
    else if (!this.#exitless) return;
    else if ([...SOURCE, 'lesson'].includes(name)) this.#open();
    else this.#show();
  }

  /** The observer's. */
  seen(visible) {
    if (visible) void this.wake();
    else this.pause();
  }

  /** Loads and shows, once. */
  wake() {
    this.#waking ??= this.#wake();
    return this.#waking;
  }

  async #wake() {
    try {
      this.#exitless = await site.load();
      this.#open();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** What the attributes ask for. */
  get #asked() {
    const src = this.getAttribute('src');
    if (this.hasAttribute('lesson') && !SOURCE.some((name) => this.hasAttribute(name))) {
      throw new site.Failure('lesson', 'This figure asks for a lesson, which only the full application shows; state, src and preset are shown here.');
    }
    return this.getAttribute('state') ?? this.getAttribute('preset') ?? (src?.split('#')[1] || FIRST);
  }

  /** Opens a preset's name or a link, also the one that was open before. */
  open(state) {
    if (this.getAttribute('state') === state && this.#exitless) this.#open();
    else this.setAttribute('state', state);
  }

  /** The application with this moment; `undefined` where there is none. */
  get permalink() {
    const src = this.getAttribute('src');
    const page = src && /^https?:/.test(new URL(src, document.baseURI).protocol) ? new URL(src, document.baseURI).href.split('#')[0] : site.page();
    if (!page) return undefined;
    return `${page}#${this.run?.link ?? this.getAttribute('state') ?? this.getAttribute('preset') ?? src?.split('#')[1] ?? FIRST}`;
  }

  #open() {
    this.pause();
    try {
      const run = this.#exitless.open(this.#asked);
      this.run?.free();
      this.run = run;
      this.#show();
      this.#tell('exitless-ready', run.state());
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error) {
    const { code = 'stopped', message: text } = error;
    this.pause();
    this.#tell('exitless-error', { code, text });
    const words = code === 'stopped' ? `The figure has stopped: that is a mistake in it. Reload the page to go on. ${text}` : text;
    if (error.policy && !this.#frame && site.embed()) {
      this.#frame = framed(this, theme.follow, () => this.#explain(words));
      if (this.#frame) return void this.#box.replaceChildren(this.#frame);
    }
    this.#explain(words);
  }

  /** What the author put there, the reason, and a link. */
  #explain(words) {
    const link = this.permalink;
    this.#message.replaceChildren(words, ...(link ? [' ', make('a', { href: link, target: '_blank', rel: 'noopener', text: 'Open it in Exitless' })] : []));
    this.#message.hidden = false;
    this.#message.setAttribute('role', 'alert');
    this.#box.replaceChildren(make('slot'), this.#message);
  }

  #show() {
    this.#board ??= new Board({
      step: () => this.step(),
      back: () => this.back(),
      start: () => this.seek(0),
      next: () => this.#jump('expiry'),
      play: () => (this.#timer ? this.pause() : this.play()),
    });
    this.#box.replaceChildren(this.#board.element);
    this.#box.classList.toggle('bare', this.hasAttribute('bare'));
    this.#box.tabIndex = 0;
    this.#width = Math.floor(this.#board.element.getBoundingClientRect().width) || 800;
    this.#dress();
    this.#draw();
    if (this.#resized) this.#resized.observe(this.#board.element);
  }

  #draw() {
    if (!this.#board || !this.run) return;
    try {
      this.#board.draw(this.run, {
        width: this.#width,
        view: (this.getAttribute('view') || 'stage').split(/[\s,]+/),
        controls: this.getAttribute('controls') || 'full',
        playing: Boolean(this.#timer),
        permalink: this.permalink,
      });
      const title = this.#board.state.title || "a virtual machine's timer tick";
      this.#box.setAttribute('aria-label', this.getAttribute('label') ?? `Exitless: ${title}`);
    } catch (error) {
      this.#fail(error);
    }
  }

  #resize(width) {
    const whole = Math.floor(width);
    if (whole === 0 || whole === this.#width) return;
    this.#width = whole;
    this.#draw();
  }

  #dress(only) {
    const wanted = this.getAttribute('theme');
    const now = only ?? (wanted === 'light' || wanted === 'dark' ? wanted : theme.ofDocument());
    this.#box.classList.toggle('dark', now === 'dark');
    dress(this.#root, this.#exitless?.css(now));
    this.shown = now;
  }

  #key(event) {
    if (!this.run || event.altKey || event.ctrlKey || event.metaKey) return;
    const onButton = event.composedPath()[0] instanceof HTMLButtonElement;
    const keys = {
      ArrowRight: () => this.step(),
      ArrowLeft: () => this.back(),
      Home: () => this.seek(0),
      End: () => this.seek(this.run.length),
      n: () => this.#jump('expiry'),
      ...(onButton ? {} : { ' ': () => (this.#timer ? this.pause() : this.play()) }),
      Escape: () => this.#root.activeElement?.blur(),
    };
    if (!Object.hasOwn(keys, event.key) || this.getAttribute('controls') === 'none') return;
    // The book's or the slides' own keys are not meant while the figure has the focus.
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  }

  #jump(kind) {
    if (this.run?.next(kind)) this.#moved();
  }

  step(steps = 1) {
    this.seek((this.run?.position ?? 0) + steps);
  }

  back(steps = 1) {
    this.step(-steps);
  }

  seek(position) {
    const before = this.run?.position;
    if (before === undefined || this.run.seek(position) === before) return;
    this.#moved();
  }

  play(speed = Number(this.getAttribute('speed')) || 1) {
    clearInterval(this.#timer);
    if (!this.run || this.run.position === this.run.length) return;
    this.#timer = setInterval(() => this.step(), 1000 / Math.min(Math.max(speed, 0.1), 20));
    this.#draw();
  }

  pause() {
    if (!this.#timer) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#draw();
  }

  #moved() {
    if (this.run.position === this.run.length) this.pause();
    this.#draw();
    if (this.#board?.state) this.#tell('exitless-step', this.#board.state);
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { bubbles: true, composed: true, detail }));
  }
}

/** Defines the element, unless a document loads it twice. */
export function define() {
  if (!customElements.get('exitless-stage')) customElements.define('exitless-stage', ExitlessStage);
}
