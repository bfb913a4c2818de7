// The page in Firefox: it opens, steps, goes back, scrubs, compares, defines a word, and its link brings a moment back.
//
// Skipped, with words, where there is no Firefox: EXITLESS_FIREFOX names one, and `cargo xtask setup` installs it where
// it can.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import puppeteer from 'puppeteer-core';

import { serve } from './helpers.mjs';

const executablePath = process.env.EXITLESS_FIREFOX;
const skip = executablePath ? false : 'no Firefox: set EXITLESS_FIREFOX, or let cargo xtask setup install one';

describe('Firefox', { skip }, () => {
  let browser;
  let server;
  before(async () => {
    server = await serve();
    browser = await puppeteer.launch({ browser: 'firefox', executablePath, headless: true, args: ['--width=1440', '--height=900'] });
  });
  after(async () => {
    await browser?.close();
    server?.stop();
  });

  /** Opens an address in a context of its own, and holds the page to no complaint. */
  async function visit(fragment, check) {
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    const complaints = [];
    page.on('console', (message) => ['error', 'warn'].includes(message.type()) && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    try {
      await page.setViewport({ width: 1440, height: 900 });
      await page.goto(server.url + fragment);
      await page.waitForSelector('#app[data-ready="true"]');
      await check(page);
      assert.deepEqual(complaints, []);
    } finally {
      await context.close();
    }
  }

  const at = (testid) => `[data-testid="${testid}"]`;
  const read = (page, testid, key = 'textContent') => page.$eval(at(testid), (e, key) => e[key], key);
  const position = async (page) => Number(await read(page, 'step-number', 'value'));
  const reaches = (page, wanted) =>
    page.waitForFunction((wanted) => Number(document.querySelector('[data-testid=step-number]').value) === wanted, {}, wanted);

  test('opens with both stages drawn, steps and goes back', () =>
    visit('#pinned-vs-offloaded', async (page) => {
      const [start, sentence] = [await position(page), await read(page, 'sentence')];
      for (const path of ['pinned', 'posted']) assert.ok((await page.$$(`${at(`stage-${path}`)} svg [data-kind]`)).length > 10, path);
      await page.click(at('step'));
      await reaches(page, start + 1);
      assert.notEqual(await read(page, 'sentence'), sentence);
      await page.keyboard.press('ArrowLeft');
      await reaches(page, start);
      assert.equal(await read(page, 'sentence'), sentence);
    }));

  test('scrubs with the keyboard and plays', () =>
    visit('#pinned-vs-offloaded', async (page) => {
      const total = Number(await read(page, 'step-total'));
      await page.focus(at('scrub'));
      await page.keyboard.press('End');
      await reaches(page, total);
      await page.keyboard.press('Home');
      await reaches(page, 0);
      await page.click(at('play'));
      await page.waitForFunction(() => Number(document.querySelector('[data-testid=step-number]').value) > 2);
      await page.click(at('play'));
    }));

  test('compares one path more', () =>
    visit('#pinned-vs-offloaded', async (page) => {
      await page.click(`${at('compare')} summary`);
      await page.waitForSelector(at('add-way'));
      await page.click(at('add-way'));
      await page.waitForFunction(() => document.querySelectorAll('.stage-card[data-path]').length === 3);
    }));

  test('defines a word on hover', () =>
    visit('#pinned-vs-offloaded', async (page) => {
      await page.hover('aside [data-term=ON]');
      await page.waitForFunction(() => /Outstanding notification/.test(document.querySelector('[data-testid=definition]').textContent));
    }));

  test('a link brings the moment back', () =>
    visit('#pinned-vs-offloaded', async (page) => {
      await page.click(at('next-exit'));
      await page.click(at('step'));
      const [here, sentence] = [await position(page), await read(page, 'sentence')];
      // The address follows once it is quiet.
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      const link = await page.evaluate(() => location.hash);
      await visit(link, async (other) => {
        assert.equal(await position(other), here);
        assert.equal(await read(other, 'sentence'), sentence);
      });
    }));
});
