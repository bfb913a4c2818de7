import { readFile } from 'node:fs/promises';
import * as engine from '../wasm/engine.js';
import { over } from './run.js';

let loaded;

/** Loads the engine, once for the whole process. */
export function load({ wasm = new URL('../wasm/engine_bg.wasm', import.meta.url) } = {}) {
  loaded ??= start(wasm).catch((error) => {
    loaded = undefined;
    throw error;
  });
  return loaded;
}

async function start(wasm) {
  const given = typeof wasm === 'string' ? new URL(wasm, 'file:') : wasm;
  const module = given instanceof URL && given.protocol === 'file:' ? await readFile(given) : given;
  await engine.default({ module_or_path: module });
  return over(engine);
}
