// Measuring: long runs in the lab, a worker beside the page.

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { copyOfSite, launch, serve, watchedPage } from './helpers.mjs';
import { FIRST, at, playground, position, press, ready, tabTo, until } from './playground.mjs';

const visit = playground();

/** A long run is a few seconds of work, and the machine may be busy. */
const PATIENCE = 60_000;

async function open(page) {
  await page.locator('[data-testid=measure] > summary').click();
}

async function ask(page, ticks) {
  await at(page, 'ticks').fill(ticks);
  await at(page, 'long-run').click();
}

const state = (page) => at(page, 'run-state').innerText();
const over = (page) => until(() => at(page, 'cancel-run').isDisabled(), Boolean, 'it goes on', PATIENCE);
const rows = (page, table) =>
  at(page, table).locator('tbody tr').evaluateAll((all) => all.map((row) => [...row.cells].map((cell) => cell.innerText)));

test('nothing of the lab is loaded before it is asked', () =>
  visit(FIRST, async ({ page }) => {
    const lab = () => page.evaluate(() => performance.getEntriesByType('resource').filter(({ name }) => /lab/.test(name)).length);
    await open(page);
    assert.equal(await lab(), 0);
    await ask(page, '10');
    await over(page);
    assert.ok((await lab()) > 0);
  }));

test('a long run tells how far it is, shows what it finds, and leaves the page alone', () =>
  visit(FIRST, async ({ page }) => {
    const before = await position(page);
    await open(page);
    await ask(page, '300 000');
    const found = await until(() => rows(page, 'latency-table').catch(() => []), ({ length }) => length > 0, 'nothing found', PATIENCE);
    assert.ok(found.every((row) => row.length === 3), JSON.stringify(found));
    // The page answers while the run goes on.
    assert.match(await state(page), /of 600\s000 ticks/);
    await press(page, 'step');
    assert.equal(await position(page), before + 1);
    await over(page);
    assert.equal(await state(page), '');
  }));

test('it is stopped by the button, by keyboard too, and runs again', () =>
  visit(FIRST, async ({ page }) => {
    await tabTo(page, '[data-testid=measure] > summary');
    await page.keyboard.press('Enter');
    await tabTo(page, '[data-testid=ticks]');
    await page.keyboard.press('Control+A');
    await page.keyboard.type('10000000');
    await page.keyboard.press('Enter');
    await until(() => state(page), (text) => /of 20\s000\s000/.test(text), 'not under way', PATIENCE);
    await tabTo(page, '[data-testid=cancel-run]');
    await page.keyboard.press('Enter');
    await until(() => state(page), (text) => /Stopped/.test(text), 'not stopped');
    await ask(page, '100');
    await over(page);
    assert.ok((await rows(page, 'latency-table')).length > 5);
  }));

test('what is no number of ticks is told at the field, with the nearest valid one, and nothing moves', () =>
  visit(FIRST, async ({ page }) => {
    const before = await position(page);
    await open(page);
    for (const [typed, says] of [['a million', /no number of ticks/], ['', /nearest is 1\./], ['-3', /nearest is 1\./], ['99999999', /nearest is 10\s000\s000\./]]) {
      await ask(page, typed);
      await until(() => at(page, 'ticks-refusal').innerText().catch(() => ''), (text) => says.test(text), typed);
      assert.equal(await at(page, 'ticks').getAttribute('aria-invalid'), 'true');
      assert.equal(await at(page, 'ticks').inputValue(), typed, 'what was typed stays');
    }
    assert.equal(await position(page), before);
    await ask(page, '10');
    await over(page);
    assert.equal(await at(page, 'ticks-refusal').count(), 0);
  }));

// Hosts that lack something, and one that serves from a folder.
let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

async function hosted({ under = '.', without = [], csp }, check) {
  const { base, site, remove } = copyOfSite(under);
  for (const file of without) for (const end of ['', '.br', '.gz']) rmSync(path.join(site, file + end), { force: true });
  const server = await serve({ folder: base, csp });
  const watched = await watchedPage(browser, server.url);
  try {
    await watched.page.goto(`${server.url}${under === '.' ? '' : `${under}/`}${FIRST}`);
    await ready(watched.page);
    await open(watched.page);
    await ask(watched.page, '50');
    await check(watched);
    assert.deepEqual(watched.strangers, []);
  } finally {
    await watched.context.close();
    server.stop();
    remove();
  }
}

test('it works from any folder', () =>
  hosted({ under: 'some/where' }, async ({ page, complaints }) => {
    await over(page);
    assert.ok((await rows(page, 'latency-table')).length > 5);
    assert.deepEqual(complaints, []);
  }));

const failure = async ({ page }) => {
  const text = await until(() => at(page, 'lab-failure').innerText().catch(() => ''), Boolean, 'no word of it');
  assert.match(text, /lab\.js, lab_bg\.wasm or static\/lab-start\.js is missing.*worker-src 'self'/);
  // The page itself is as alive as before.
  const before = await position(page);
  await press(page, 'step');
  assert.equal(await position(page), before + 1);
};

for (const without of ['static/lab-start.js', 'lab.js', 'lab_bg.wasm']) {
  test(`without ${without} it says so`, () => hosted({ without: [without] }, failure));
}

test('under a policy without workers it says so', () =>
  hosted({ csp: "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; connect-src 'self'; worker-src 'none'" }, failure));
