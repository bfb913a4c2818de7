// Native and wasm are one machine: the same event bytes and the same ledgers, for every preset, on every path. The wasm
// is the one that ships, executed by the browser in the page itself.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FIRST, PATHS, exitless, playground } from './playground.mjs';

const visit = playground();

/** What the page's own wasm answers. */
const inWasm = (page, name, ...options) =>
  page.evaluate(
    async ([name, options]) => {
      // The very module that the page runs: the same address gives the same instance.
      const { dataset } = document.querySelector('script[data-glue]');
      const module = await import(new URL(dataset.glue, document.baseURI));
      return module[name](...options);
    },
    [name, options],
  );

/** Both as they are, and where they part: a whole run is too long to be printed. */
function sameText(wasm, native, what) {
  if (wasm === native) return;
  const [a, b] = [wasm, native].map((text) => text.split('\n'));
  const line = a.findIndex((text, i) => text !== b[i]);
  assert.fail(`${what}: ${wasm.length} and ${native.length} characters; they part in line ${line + 1}:\n${a[line]}\n${b[line]}`);
}

test('every preset: the same event bytes and the same ledgers', () =>
  visit(FIRST, async ({ page }) => {
    const presets = JSON.parse(await exitless('presets', '--json'));
    assert.ok(presets.length >= 5);
    for (const { name } of presets) {
      const told = JSON.parse(await exitless('run', '--preset', name, '--paths', PATHS.join(','), '--json'));
      for (const [i, path] of PATHS.entries()) {
        const events = await exitless('run', '--preset', name, '--paths', path, '--events');
        assert.ok(events.length > 10_000, `${name}: ${events.length} characters`);
        sameText(await inWasm(page, 'events', name, path), events, `${name}, ${path}`);
        const { ledger } = told.paths[i];
        assert.equal(await inWasm(page, 'ledger', name, path), JSON.stringify(ledger), `${name}, ${path}`);
      }
    }
  }));

test('a link with a scenario of its own is the same run in both', () =>
  visit(FIRST, async ({ page }) => {
    await page.getByTestId('seat-0').selectOption('1');
    const link = await page.evaluate(() => location.hash);
    assert.match(link, /^#v1\./);
    for (const path of PATHS) {
      sameText(await inWasm(page, 'events', link, path), await exitless('run', link, '--at', 'end', '--paths', path, '--events'), path);
    }
  }));

test('both are of one version', () =>
  visit(FIRST, async ({ page }) => {
    const { model_version: native } = JSON.parse(await exitless('run', FIRST, '--json'));
    assert.equal(await inWasm(page, 'model_version'), native);
  }));
