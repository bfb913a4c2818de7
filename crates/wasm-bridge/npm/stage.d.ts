import type { Run, State } from './index.js';

/** `<exitless-stage>`: a run to step through, in a document. Importing `exitless/stage` defines it. */
export interface ExitlessStage extends HTMLElement {
  /** The run, once it is there. */
  readonly run: Run | undefined;
  /** Opens a preset's name or a link. */
  open(state: string): void;
  step(steps?: number): void;
  back(steps?: number): void;
  seek(position: number): void;
  play(speed?: number): void;
  pause(): void;
  /** Loads at once; otherwise it loads when it comes into view. */
  wake(): Promise<void>;
}

export interface StageEvents {
  'exitless-ready': CustomEvent<State>;
  'exitless-step': CustomEvent<State>;
  'exitless-error': CustomEvent<{ code: string; text: string }>;
}

declare global {
  interface HTMLElementTagNameMap {
    'exitless-stage': ExitlessStage;
  }
}
