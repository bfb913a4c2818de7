// How fast the machine is as wasm in Node, path by path: the lines beside those that `cargo xtask bench` prints for the
// native one. The bridge has to be built for speed (profile `release`); EXITLESS_BRIDGE says where it is.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const bridge = process.env.EXITLESS_BRIDGE;
const wasm = await import(pathToFileURL(path.join(bridge, 'wasm_bridge.js')));
wasm.initSync({ module: readFileSync(path.join(bridge, 'wasm_bridge_bg.wasm')) });

const TICKS = 100_000;
const PRESET = 'pinned-vs-offloaded';

function median(values) {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

// The engine optimises while it runs: the first run does not count.
for (const on of ['pinned', 'posted']) {
  wasm.run_silently(PRESET, on, TICKS);
  let steps = 0;
  const ms = median(Array.from({ length: 7 }, () => {
    const start = performance.now();
    steps = wasm.run_silently(PRESET, on, TICKS);
    return performance.now() - start;
  }));
  console.log(`${on.padEnd(8)} ${(TICKS / ms / 1_000).toFixed(2)} M ticks/s  ${((ms * 1e6) / steps).toFixed(1)} ns/step, wasm in Node ${process.version}`);
}
