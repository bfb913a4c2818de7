// Every conformance case, answered by wasm in Node. `tests/tests/conformance.rs` does the same natively.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { bridge } from './helpers.mjs';

const folder = path.join(import.meta.dirname, '..', 'conformance');
const cases = readdirSync(folder).filter((name) => name.endsWith('.txt'));

describe('conformance, in wasm', () => {
  let wasm;
  before(async () => {
    wasm = await import(pathToFileURL(path.join(bridge, 'wasm_bridge.js')));
    wasm.initSync({ module: readFileSync(path.join(bridge, 'wasm_bridge_bg.wasm')) });
  });

  test('there are cases', () => assert.ok(cases.length >= 60, `${cases.length}`));

  for (const name of cases) {
    test(name, () => {
      const script = readFileSync(path.join(folder, name), 'utf8');
      const expected = script.split('\n').filter((line) => line.startsWith('#= ')).map((line) => `${line.slice(3)}\n`);
      assert.ok(expected.length > 0);
      assert.equal(wasm.answers(script), expected.join(''));
    });
  }
});
