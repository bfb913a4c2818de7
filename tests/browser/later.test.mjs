// The second part of the page's program: loaded when a panel first needs it, and what is said when it cannot be.

import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { copyOfSite, launch, serve, watchedPage } from './helpers.mjs';
import { FIRST, at, playground, ready, tabTo, until } from './playground.mjs';

const visit = playground();
const FILE = 'later.wasm';

/** The addresses of the second part that were asked for from now on. */
function watched(page) {
  const asked = [];
  page.on('request', (request) => request.url().includes(FILE) && asked.push(request.url()));
  return asked;
}

test('it is loaded once, when a panel is first opened, and the focus stays', () =>
  visit(FIRST, async ({ page }) => {
    const asked = watched(page);
    for (const key of ['ArrowRight', 'End', 'Home']) await page.keyboard.press(key);
    await page.waitForTimeout(300);
    assert.deepEqual(asked, []);
    await tabTo(page, '[data-testid=break-it] > summary');
    await page.keyboard.press('Enter');
    await at(page, 'check').waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.parentElement.dataset.testid), 'break-it');
    await page.keyboard.press('Tab');
    assert.ok(await page.evaluate(() => document.activeElement.closest('[data-testid=break-it]') !== null), 'its body is next');
    await page.locator('[data-testid=measure] > summary').click();
    await at(page, 'ticks').waitFor();
    assert.equal(asked.length, 1);
  }));

test('a page that is opened at a lesson loads it by itself', () =>
  visit('#lesson/one-tick-pinned', async ({ page }) => {
    await at(page, 'lesson').waitFor();
  }));

describe('what is wrong is said at the panel, and the run goes on', () => {
  let browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser?.close());

  /** A site whose second part `spoil` has changed. */
  async function spoiled(spoil, fragment, check) {
    const copy = copyOfSite();
    const file = path.join(copy.site, FILE);
    for (const suffix of ['.br', '.gz']) rmSync(file + suffix, { force: true });
    const whole = readFileSync(file);
    spoil(file);
    const server = await serve({ folder: copy.site });
    // No service worker: it would have kept the whole site, or none of it.
    const { page, context } = await watchedPage(browser, server.url, { serviceWorkers: 'block' });
    try {
      await page.goto(server.url + fragment);
      await ready(page);
      await check(page, () => writeFileSync(file, whole));
    } finally {
      await context.close();
      server.stop();
      copy.remove();
    }
  }

  const failure = (page, panel) => page.locator(`[data-testid=${panel}] [data-testid=later-failure]`);

  test('a missing file; and once it is there, the panel opens', () =>
    spoiled((file) => rmSync(file), FIRST, async (page, mend) => {
      await page.locator('[data-testid=measure] > summary').click();
      assert.match(await failure(page, 'measure').innerText(), /later\.wasm is missing \(the server answered 404\)/);
      await at(page, 'step').click();
      mend();
      await page.locator('[data-testid=knobs] > summary').click();
      await page.locator('[data-group=Guest] > summary').click();
      await at(page, 'ticks').waitFor();
    }));

  test('a file of another version', () =>
    spoiled(
      (file) => {
        const text = readFileSync(file, 'latin1');
        assert.match(text, /of [0-9a-f]{16}/);
        writeFileSync(file, text.replace(/of [0-9a-f]{16}/, 'of 0123456789abcdef'), 'latin1');
      },
      FIRST,
      async (page) => {
        await page.locator('[data-testid=break-it] > summary').click();
        assert.match(await failure(page, 'break-it').innerText(), /later\.wasm is of another version than this page\. Reload the page/);
      },
    ));

  test('something else in its place, at a lesson', () =>
    spoiled((file) => writeFileSync(file, 'no program'), '#lesson/one-tick-pinned', async (page) => {
      const said = await until(() => at(page, 'lesson-failure').allInnerTexts(), (all) => all.length > 0, 'a lesson that fails');
      assert.match(said[0], /later\.wasm is not a WebAssembly file/);
      await at(page, 'step').click();
    }));
});
