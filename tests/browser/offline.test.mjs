// Without a network: the one-file page from a file: address, and the application that a browser has kept.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { copyOfSite, dist, launch, serve, watchedPage } from './helpers.mjs';
import { ready, until } from './playground.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

describe('the one-file page', () => {
  const file = pathToFileURL(path.join(dist, 'exitless.html')).href;

  test('from a file: address it steps a tick, and asks nobody for anything', async () => {
    const { page, context, complaints } = await watchedPage(browser, file);
    const asked = [];
    page.on('request', (request) => asked.push(request.url().split('#')[0]));
    try {
      await page.goto(`${file}#amd-avic`);
      await page.locator('exitless-stage svg.stage').first().waitFor();
      assert.equal(await page.locator('select').inputValue(), 'amd-avic');
      const said = await page.locator('.sentence').innerText();
      await page.getByRole('button', { name: 'Step', exact: true }).click();
      assert.notEqual(await page.locator('.sentence').innerText(), said);
      const address = page.url();
      assert.match(address, /#v3\./);
      await page.reload();
      await page.locator('exitless-stage svg.stage').first().waitFor();
      assert.equal(page.url(), address);
      assert.deepEqual([...new Set(asked)].filter((url) => !url.startsWith('data:')), [file]);
      assert.deepEqual(complaints, []);
    } finally {
      await context.close();
    }
  });

  test('the embed of the site as a file says which page runs as one', async () => {
    const page = await (await browser.newContext()).newPage();
    await page.goto(pathToFileURL(path.join(dist, 'embed/index.html')).href);
    await page.locator('.message', { hasText: 'exitless.html holds all in one' }).waitFor();
    await page.context().close();
  });
});

describe('the application that was kept', () => {
  /** A site in a folder below the root, open in a page that a worker controls. */
  async function kept(check) {
    const copy = copyOfSite('below/exitless');
    let server = await serve({ folder: copy.base });
    const url = `${server.url}below/exitless/`;
    const { page, context, complaints, strangers } = await watchedPage(browser, url);
    try {
      await page.goto(url);
      await ready(page);
      await page.waitForFunction(() => navigator.serviceWorker.controller);
      await check({ page, context, copy, url, stop: () => server.stop() });
      assert.deepEqual(strangers, [], 'other origins');
      void complaints;
    } finally {
      await context.close();
      server.stop();
      copy.remove();
    }
  }

  test('runs when the server is gone, with its place kept', () =>
    kept(async ({ page, url, stop }) => {
      stop();
      // Away first: else only the fragment changes, and the page that is there may write its own.
      await page.goto('about:blank');
      await page.goto(`${url}#amd-avic`);
      await ready(page);
      assert.equal(new URL(page.url()).hash, '#amd-avic');
    }));

  test('says when a newer version is there, and changes when it is told to', () =>
    kept(async ({ page, copy }) => {
      assert.equal(await page.locator('#update').isVisible(), false);
      const worker = path.join(copy.site, 'sw.js');
      for (const suffix of ['.br', '.gz']) rmSync(worker + suffix);
      writeFileSync(worker, readFileSync(worker, 'utf8').replace(/'[0-9a-f]{16}'/, "'0123456789abcdef'"));
      await page.reload();
      await ready(page);
      await page.evaluate(async () => (await navigator.serviceWorker.ready).update());
      await page.locator('#update').waitFor();
      await Promise.all([page.waitForEvent('load'), page.locator('#update button').click()]);
      await ready(page);
      await until(() => page.evaluate(() => caches.keys()), (names) => names.join() === 'exitless-0123456789abcdef', 'the old version stays');
    }));
});
