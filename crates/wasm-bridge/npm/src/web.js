import * as engine from '../wasm/engine.js';
import { over } from './run.js';

let loaded;

/** Loads the engine, once for the whole document. */
export function load({ wasm } = {}) {
  loaded ??= engine.default({ module_or_path: wasm ?? new URL('../wasm/engine_bg.wasm', import.meta.url) }).then(
    () => over(engine),
    (error) => {
      // The next call may be luckier.
      loaded = undefined;
      throw error;
    },
  );
  return loaded;
}
