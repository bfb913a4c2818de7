// Native and wasm are one machine: the same event bytes and the same ledgers, for every preset, on every path. Here Node
// executes the wasm; the page's own wasm, which has no such interface, is held to the same ledgers.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { bridge } from './helpers.mjs';
import { linkTo } from './link.mjs';
import { PATHS, exitless, playground, sameLedgerAsTheCommandLine, seek, state } from './playground.mjs';

const presets = JSON.parse(await exitless('presets', '--json')).map(({ name }) => name);

/** Equal, or where they part: a whole run is too long to be printed. */
function sameText(wasm, native) {
  if (wasm === native) return;
  const [a, b] = [wasm, native].map((text) => text.split('\n'));
  const line = a.findIndex((text, i) => text !== b[i]);
  assert.fail(`${wasm.length} and ${native.length} characters; they part in line ${line + 1}:\n${a[line]}\n${b[line]}`);
}

describe('native and wasm', () => {
  let wasm;
  before(async () => {
    wasm = await import(pathToFileURL(path.join(bridge, 'wasm_bridge.js')));
    wasm.initSync({ module: readFileSync(path.join(bridge, 'wasm_bridge_bg.wasm')) });
  });

  const own = linkTo({
    scenario: {
      host: { topology: { sockets: 2, llcs: 1, cores: 2, smt: 1 }, nohz_full: [2, 3], housekeepers: [{ cpu: 1, load: 'busy', tick_phase_us: 300 }] },
      vcpus: [{ cpu: 2, start_us: 0 }, { cpu: 3, start_us: 250 }],
      guest: { other_exits: { period_us: 333, first_us: 0, handling_ns: 900 } },
      run: { seed: 0xfeed, expiries: 50 },
    },
  });

  for (const run of [...presets, own]) {
    for (const on of PATHS) {
      test(`${run.slice(0, 30)}, ${on}: the same bytes`, async () => {
        const events = await exitless('run', run, '--at', 'end', '--paths', on, '--events');
        assert.ok(events.length > 10_000, `${events.length} characters`);
        sameText(wasm.events(run, on), events);
        const told = JSON.parse(await exitless('run', run, '--paths', on, '--json'));
        assert.equal(wasm.ledger(run, on), JSON.stringify(told.paths[0].end.ledger));
      });
    }
  }

  test('they are of one version', async () => {
    assert.equal(wasm.model_version(), JSON.parse(await exitless('run', presets[0], '--json')).model_version);
  });
});

describe('native and the page', () => {
  const visit = playground();
  test('there are presets', () => assert.ok(presets.length >= 5));
  for (const preset of presets) {
    test(`${preset}: the same ledgers at the opening and at the end`, () =>
      visit(`#${preset}`, async ({ page }) => {
        await sameLedgerAsTheCommandLine(page);
        await seek(page, (await state(page)).total);
        await sameLedgerAsTheCommandLine(page);
      }));
  }
});
