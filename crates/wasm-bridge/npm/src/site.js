// Where the published site is, and the engine from there: one download for all stages of a document. Every way to fail
// has its own words; `policy` says that a frame with a policy of its own may fare better.

import * as engine from '../wasm/engine.js';
import { over } from './run.js';

export class Failure extends Error {
  constructor(code, text, policy = false) {
    super(text);
    this.code = code;
    this.policy = policy;
  }
}

// The smallest module there is. An engine that refuses it refuses all: then a policy forbids WebAssembly.
const EMPTY_MODULE = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);

const here = {};

/** `embed` is the address of the folder with the engine, `wasm` the engine's bytes where they are at hand. */
export function configure({ embed, wasm }) {
  if (embed && /^https?:/.test(embed)) {
    here.embed = new URL('.', embed).href;
    here.page = new URL('..', here.embed).href;
    // A browser must not mix files of two versions.
    here.version = new URL(embed).search;
  }
  here.wasm = wasm;
}

/** The folder with the engine and with the page for frames; `undefined` where there is no site. */
export const embed = () => here.embed;

/** The full application, without a fragment. */
export const page = () => here.page;

let loading;

/** The engine, loaded once. */
export function load() {
  loading ??= start().catch((error) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function start() {
  if (typeof WebAssembly !== 'object') {
    throw new Failure('no-wasm', 'This browser has no WebAssembly: it is too old, or a setting has switched it off.');
  }
  if (!('adoptedStyleSheets' in document)) {
    throw new Failure('old-browser', 'This browser is too old: Chrome 91, Firefox 101, Safari 16.4 or newer will do.');
  }
  try {
    await WebAssembly.compile(EMPTY_MODULE);
  } catch {
    throw new Failure('wasm-forbidden', "This page's policy forbids WebAssembly: its script-src lacks 'wasm-unsafe-eval'.", true);
  }
  const bytes = here.wasm ?? (await fetched(new URL(`engine_bg.wasm${here.version ?? ''}`, here.embed ?? document.baseURI)));
  let module;
  try {
    module = await WebAssembly.compile(bytes);
  } catch {
    throw new Failure('old-browser', 'This browser cannot read the engine: either it is too old (Chrome 91, Firefox 101, Safari 16.4 or newer will do) or the file is damaged.');
  }
  await engine.default({ module_or_path: module });
  return over(engine);
}

async function fetched(address) {
  if (address.protocol === 'file:') {
    throw new Failure('file', 'This figure was opened as a file, and browsers load its engine only from a web server. The file exitless.html holds all in one and runs as a file.');
  }
  let response;
  try {
    response = await fetch(address);
  } catch {
    throw new Failure('unreachable', 'The engine could not be loaded: the connection failed, or a policy of this page forbids it.', true);
  }
  if (!response.ok) {
    throw new Failure('missing', `engine_bg.wasm is missing (the server answered ${response.status}): whoever published this has to upload the whole folder.`);
  }
  const bytes = await response.arrayBuffer();
  // The right bytes run under any type; an error page does not.
  const start = new Uint8Array(bytes, 0, Math.min(4, bytes.byteLength));
  if (start.length < 4 || !start.every((byte, at) => byte === EMPTY_MODULE[at])) {
    const type = response.headers.get('content-type') || 'no type';
    throw new Failure('not-wasm', `engine_bg.wasm is not a WebAssembly file: the server sent “${type}” in its place, and has to send the published file as “application/wasm”.`);
  }
  return bytes;
}
