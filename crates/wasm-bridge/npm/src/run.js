// The engine as an API: what index.d.ts promises. What crosses the boundary as JSON becomes objects here.

class Run {
  #player;

  constructor(player) {
    this.#player = player;
  }

  get position() {
    return this.#player.position;
  }

  get length() {
    return this.#player.length;
  }

  get opening() {
    return this.#player.opening;
  }

  get link() {
    return this.#player.link();
  }

  get sentence() {
    return this.#player.sentence();
  }

  step(steps = 1) {
    return this.seek(this.position + whole(steps));
  }

  back(steps = 1) {
    return this.seek(this.position - whole(steps));
  }

  seek(position) {
    this.#player.seek(Math.min(Math.max(whole(position), 0), this.length));
    return this.position;
  }

  next(kind) {
    return this.#jump(kind, true);
  }

  previous(kind) {
    return this.#jump(kind, false);
  }

  #jump(kind, forward) {
    const place = this.#player.find(kind, forward);
    if (place === undefined) return false;
    this.#player.seek(place);
    return true;
  }

  state() {
    return JSON.parse(this.#player.state());
  }

  events(path, from = 0, to = 0xffff_ffff) {
    return JSON.parse(this.#player.events(path, Math.max(whole(from), 0), Math.max(whole(to), 0)));
  }

  stage(path, { width = 800, id = 'exitless' } = {}) {
    return this.#player.stage(whole(path), whole(width), id);
  }

  figure({ width = 800, theme = 'auto' } = {}) {
    return this.#player.figure(whole(width), theme);
  }

  text(address = '') {
    return this.#player.text(address);
  }

  free() {
    this.#player.free();
  }
}

/** A whole number; what is none counts as 0. */
function whole(number) {
  return Math.trunc(Number(number)) || 0;
}

/** The API over a running engine. */
export function over(engine) {
  return {
    version: engine.model_version(),
    open: (source) => new Run(new engine.Player(String(source))),
    presets: () => JSON.parse(engine.presets()),
    css: (theme) => engine.stage_css(theme),
  };
}
