import type { Answers, FromStage, ToStage } from './messages.js';

export interface Connection {
  /** Resolves when the stage has answered. */
  readonly ready: Promise<Extract<FromStage, { type: 'ready' }>>;
  /** Sends a message; resolves to its answer, rejects with the stage's error. */
  send<M extends ToStage>(message: M): Promise<Answers[M['type']]>;
  /** Hears messages of a type; returns how to stop hearing. */
  on<T extends FromStage['type']>(type: T, heard: (message: Extract<FromStage, { type: T }>) => void): () => void;
  close(): void;
}

/** Connects to `embed/` in a frame, and keeps the frame as high as what it shows. */
export function connect(frame: HTMLIFrameElement): Connection;
