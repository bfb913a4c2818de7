/** What kind of moment a jump looks for. */
export type Kind = 'exit' | 'entry' | 'expiry' | 'ipi' | 'ipi-not-sent' | 'delivery' | 'arming';

export type Theme = 'auto' | 'light' | 'dark';

/** Why something could not be opened or asked; `message` says what would be valid. */
export type RefusalCode =
  | 'not-a-link' | 'newer-link' | 'damaged-link' | 'long-link' | 'scenario' | 'theme' | 'moment' | 'path';

/** What `open` and the methods of a run throw. */
export interface Refusal extends Error {
  code: RefusalCode;
}

export interface Preset {
  name: string;
  title: string;
  question: string;
}

/** The rule that a step followed, with its source. */
export interface Rule {
  id: string;
  title: string;
  what: string;
  source: string;
}

/** Counters since the start of the run. Work that moved to a housekeeper is shown there. Times in ns. */
export interface Ledger {
  exits_arming: number;
  exits_firing: number;
  exits_eoi: number;
  exits_other: number;
  ipis_sent: number;
  ipis_suppressed: number;
  guest_time_lost_ns: number;
  housekeeper_time_ns: number;
  handlers: number;
  device_posts: number;
  device_notifications: number;
  device_handlers: number;
}

export interface Vcpu {
  id: number;
  /** The core it is on. */
  cpu: number;
  /** `vcpu->mode`. */
  mode: string;
  in_guest: boolean;
  halted: boolean;
  /** Vectors that are set in the posted-interrupt requests. */
  pir: number[];
  on: boolean;
  sn: boolean;
  nv: number;
  /** A core. */
  ndst: number;
  virr: number[];
  visr: number[];
  rvi: number;
  svi: number;
  vppr: number;
  /** In guest TSC cycles; 0 is disarmed. */
  tsc_deadline: number;
  /** An expiry waits for the vCPU's thread. */
  pending: boolean;
  /** Whose queue holds the timer, and for when. */
  hrtimer: { cpu: number; at_ns: number } | null;
}

export interface Path {
  /** `posted`, or `posted@5.3`. */
  key: string;
  title: string;
  about: string;
  /** Steps of its own, taken and in all. */
  step: number;
  of: number;
  /** The whole tick on stage. */
  tick: { exits: number; ipis: number; ipis_not_sent: number };
  ledger: Ledger;
  vcpus: Vcpu[];
}

/** A moment of a run. Plain data; it does not change when the run goes on. */
export interface State {
  /** What stands behind `#` in an address. */
  link: string;
  preset: string | null;
  title: string;
  question: string;
  step: number;
  of: number;
  time_ns: number;
  /** What the last step did; the caption, and what a screen reader says. */
  sentence: string;
  rule: Rule | null;
  paths: Path[];
}

/** What a step changed, sent, read or left undone: `kind` says which, the other keys depend on it. */
export interface Effect {
  kind: string;
  [key: string]: unknown;
}

/** A step of one path. */
export interface Event {
  path: string;
  index: number;
  time_ns: number;
  cpu: number;
  vcpu: number | null;
  /** Id of the rule. */
  rule: string;
  effects: Effect[];
  sentence: string;
}

/** A run of every path of a scenario in lockstep, and a moment in it. */
export interface Run {
  readonly position: number;
  readonly length: number;
  /** Where it opens. */
  readonly opening: number;
  /** What stands behind `#` in an address of this moment. */
  readonly link: string;
  readonly sentence: string;
  /** Steps forward; returns the position. */
  step(steps?: number): number;
  back(steps?: number): number;
  /** Goes to the moment after so many steps; beyond the end is the end. */
  seek(position: number): number;
  /** Goes just behind the next such moment; `false` if there is none. */
  next(kind: Kind): boolean;
  previous(kind: Kind): boolean;
  state(): State;
  /** The steps of one path, all or from one to before another. */
  events(path: string, from?: number, to?: number): Event[];
  /** The stage of the n-th path as SVG; its colours are `Exitless.css`. Two in one document need two ids. */
  stage(path: number, options?: { width?: number; id?: string }): string;
  /** All stages, with words, as an SVG file. */
  figure(options?: { width?: number; theme?: Theme }): string;
  /** The tick as text of 80 columns; `address` stands before the link. */
  text(address?: string): string;
  /** Gives its memory back; it cannot be used afterwards. */
  free(): void;
}

export interface Exitless {
  /** Version of the model. */
  readonly version: string;
  /** A preset's name, a link, or an address with one. Throws a `Refusal`. */
  open(source: string): Run;
  presets(): Preset[];
  /** The style sheet that `Run.stage` needs. */
  css(theme: Theme): string;
}

/** Loads the engine, once; `wasm` is needed only where it is not beside the package's own files. */
export function load(options?: { wasm?: URL | string | BufferSource | WebAssembly.Module }): Promise<Exitless>;
