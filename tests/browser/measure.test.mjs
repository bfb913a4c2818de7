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
  at(page, table).locator('tbody tr').evaluateAll((all) => all.map((row) => [...row.cells].map((cell) => cell.textContent)));

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
    const found = await until(() => rows(page, 'chart-table').catch(() => []), ({ length }) => length > 0, 'nothing found', PATIENCE);
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
    assert.ok((await rows(page, 'chart-table')).length > 5);
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

const marks = (page) => page.locator('[data-testid=chart-marks] [data-mark]');
const said = (page) => at(page, 'mark-said').innerText();

/** Runs so many ticks and waits until what they add up to is drawn. */
async function measured(page, ticks) {
  await open(page);
  await ask(page, ticks);
  await over(page);
  await until(() => marks(page).count(), (count) => count > 0, 'nothing is drawn', PATIENCE);
}

const CHARTS = ['latency', 'cumulative', 'jitter', 'exits', 'lost', 'housekeepers'];

test('every picture has pixels, marks with words, and a table of the same', () =>
  visit(FIRST, async ({ page }) => {
    await measured(page, '2000');
    const seen = new Set();
    for (const chart of CHARTS) {
      await at(page, `chart-${chart}`).check({ force: true });
      const caption = await until(
        async () => `${chart}: ${await page.locator('[data-testid=chart-table] caption').textContent()} ${await marks(page).count()}`,
        (text) => !seen.has(text.slice(chart.length)) || chart === 'latency',
        'not drawn anew',
      );
      seen.add(caption.slice(chart.length));
      const inked = await page.locator('#chart canvas').evaluate(async (canvas) => {
        const copy = document.createElement('canvas');
        [copy.width, copy.height] = [canvas.width, canvas.height];
        const context = copy.getContext('2d');
        context.drawImage(canvas, 0, 0);
        return context.getImageData(0, 0, copy.width, copy.height).data.filter((value, i) => i % 4 === 3 && value > 0).length;
      });
      assert.ok(inked > 500, `${chart}: ${inked} pixels`);
      const words = await marks(page).evaluateAll((all) => all.map((mark) => mark.getAttribute('aria-label')));
      assert.ok(words.length > 0 && words.every((text) => /Pinned|Offloaded/.test(text)), `${chart}: ${words[0]}`);
      assert.ok((await rows(page, 'chart-table')).length > 0);
    }
  }));

test('a dot leads to its moment: by pointer, by keyboard and from the table', () =>
  visit(FIRST, async ({ page }) => {
    // As long as the run on the stage, so that every moment is on it.
    await measured(page, '4');
    const handler = async () => /handler/i.test(await at(page, 'sentence').innerText());
    await marks(page).first().click();
    await until(handler, Boolean, 'not at a start of a handler');
    const first = await position(page);
    await tabTo(page, '[data-mark]');
    await page.keyboard.press('End');
    await until(() => said(page), (text) => /dot 50 of 50/.test(text), 'End goes to the last dot');
    assert.equal(await position(page), first, 'arrows on marks move no step');
    await page.keyboard.press('Enter');
    await until(() => position(page), (now) => now !== first, 'Enter goes nowhere');
    assert.ok(await handler());
    await page.locator('[data-testid=twin] > summary').click();
    await page.locator('[data-testid=chart-table] tbody button').first().click();
    await until(() => position(page), (now) => now === first, 'the least latency is the first dot');
  }));

test('a moment beyond the stage is said to be, and the stage is run on to it, which can be taken back', () =>
  visit(FIRST, async ({ page }) => {
    await measured(page, '5000');
    const total = Number(await at(page, 'step-total').textContent());
    await at(page, 'chart-lost').check({ force: true });
    await until(() => marks(page).count(), (count) => count === 2, 'two bars');
    await marks(page).first().click();
    await until(() => at(page, 'beyond').innerText(), (text) => /on the stage the run ends with step/.test(text), 'not said');
    await at(page, 'run-stage-on').click();
    await until(async () => Number(await at(page, 'step-total').textContent()), (now) => now > total, 'not run on', PATIENCE);
    assert.ok((await position(page)) > total);
    assert.equal(await at(page, 'run-stage-on').count(), 0);
    await at(page, 'undo').click();
    await until(async () => Number(await at(page, 'step-total').textContent()), (now) => now === total, 'not taken back');
    // What was measured is another run now, for all the page knows.
    await marks(page).first().click();
    await until(() => at(page, 'beyond').innerText(), (text) => /run it again/.test(text), 'not said');
  }));

test('pictures follow the theme and the width', () =>
  visit(FIRST, async ({ page }) => {
    await measured(page, '500');
    const look = () => page.locator('#chart canvas').evaluate((canvas) => {
      const copy = document.createElement('canvas');
      [copy.width, copy.height] = [canvas.width, canvas.height];
      const context = copy.getContext('2d');
      context.drawImage(canvas, 0, 0);
      return `${canvas.width} ${[...context.getImageData(0, 0, copy.width, copy.height).data].reduce((sum, x) => (sum * 31 + x) % 1e9, 0)}`;
    });
    const light = await look();
    await at(page, 'theme').selectOption('dark');
    const dark = await until(look, (now) => now !== light, 'the same colours');
    await page.setViewportSize({ width: 390, height: 844 });
    const narrow = await until(look, (now) => now.split(' ')[0] !== dark.split(' ')[0], 'the same width');
    assert.ok(Number(narrow.split(' ')[0]) < 390);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than the page');
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
    assert.ok((await rows(page, 'chart-table')).length > 5);
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
