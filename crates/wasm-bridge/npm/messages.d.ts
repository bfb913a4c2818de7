/**
 * What a host page and the page `embed/` in a frame say to each other by `postMessage`. Every message carries `exitless: 1`.
 *
 * The host says `hello` until it hears `ready`: nothing is kept for a listener that comes late. From then on the stage
 * hears and tells only the window and the origin that said it; everything else is ignored and counted. A host without an
 * origin of its own (`file:`, a sandbox) hears `ready` and `resize`, which hold nothing of the run.
 */
import type { Event, State, Theme } from './index.js';

export type ToStage =
  | { type: 'hello' }
  /** A preset's name or a link. */
  | { type: 'load'; state: string }
  /** Below zero is back. */
  | { type: 'step'; n?: number }
  | { type: 'seek'; step: number }
  /** Steps a second. */
  | { type: 'play'; speed?: number }
  | { type: 'pause' }
  | { type: 'setTheme'; theme: Theme }
  | { type: 'setView'; view: string }
  | { type: 'get'; what: 'state' | 'link' | 'ignored' }
  | { type: 'get'; what: 'events'; path: string; from?: number; to?: number }
  | { type: 'export'; format: 'svg' | 'text' };

/** What a message is answered with, by its type. */
export interface Answers {
  hello: undefined;
  load: State;
  step: State;
  seek: State;
  play: State;
  pause: State;
  setTheme: undefined;
  setView: undefined;
  get: State | string | number | Event[];
  export: string;
}

export type FromStage =
  | { type: 'ready'; version: string; minHeight: number }
  | { type: 'resize'; height: number }
  | { type: 'state'; permalink: string; step: number; of: number; sentence: string }
  | { type: 'answer'; id: number | string; value: unknown }
  | { type: 'error'; id?: number | string; code: string; text: string };

/** As it travels. `id` comes back with the answer. */
export type Sent<M> = M & { exitless: 1; id?: number | string };
