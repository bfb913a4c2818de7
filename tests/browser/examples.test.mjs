// Every example of examples/, with the real tool of its host, on another origin than the site.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { dist, launch, mdbook, mdbookExitless, serve, watchedPage } from './helpers.mjs';
import { exitless, until } from './playground.mjs';

const examples = fileURLToPath(new URL('../../examples', import.meta.url));
const ADDRESS = 'https://exitless.example/';

let browser;
let site;
before(async () => {
  [browser, site] = await Promise.all([launch(), serve()]);
});
after(async () => {
  await browser?.close();
  site?.stop();
});

/** Serves a copy of an example that knows the site's real address; `build` makes it ready and returns the folder to serve. */
async function example(name, check, { build = (folder) => folder, ...options } = {}) {
  const folder = mkdtempSync(path.join(tmpdir(), 'exitless-example-'));
  cpSync(path.join(examples, name), folder, { recursive: true });
  for (const file of ['index.html', 'book.toml']) {
    try {
      const at = path.join(folder, file);
      writeFileSync(at, readFileSync(at, 'utf8').replaceAll(ADDRESS, site.url).replaceAll(ADDRESS.slice(0, -1), site.url.slice(0, -1)));
    } catch (absent) {
      if (absent.code !== 'ENOENT') throw absent;
    }
  }
  // Any policy: the example's own is in its page.
  const host = await serve({ folder: build(folder), csp: "frame-ancestors 'none'" });
  const watched = await watchedPage(browser, host.url, options);
  try {
    await watched.page.goto(host.url);
    await check({ ...watched, url: host.url });
    // The site's own files, and nobody else's.
    assert.deepEqual(watched.strangers.filter((url) => !url.startsWith(site.url)), []);
  } finally {
    await watched.context.close();
    host.stop();
    rmSync(folder, { recursive: true });
  }
}

/** It draws, and a press of Step changes what it says. */
async function steps(within) {
  await within.locator('exitless-stage svg.stage').first().waitFor();
  const sentence = within.locator('exitless-stage .sentence').first();
  const said = await sentence.innerText();
  await within.getByRole('button', { name: 'Step', exact: true }).first().click();
  await until(() => sentence.innerText(), (now) => now !== said, 'it does not step');
}

test('plain HTML', () => example('plain', ({ page }) => steps(page)));

test('plain HTML without JavaScript is picture and link', () =>
  example('plain', async ({ page }) => {
    assert.ok(await page.locator('img').evaluate((img) => img.complete && img.naturalWidth > 0));
    assert.equal(await page.locator('a').getAttribute('href'), `${site.url}#pinned-vs-offloaded`);
  }, { javaScriptEnabled: false }));

test('a policy without WebAssembly', () => example('strict-csp', ({ page }) => steps(page.frameLocator('exitless-stage iframe'))));

test('a sandboxed frame', () =>
  example('sandbox', async ({ page }) => {
    await steps(page.frameLocator('iframe'));
    await until(() => page.locator('#step').innerText(), (step) => Number(step) > 0, 'the host hears nothing');
  }));

test('reveal.js', () =>
  example('reveal', async ({ page }) => {
    await page.waitForFunction(() => globalThis.Reveal?.isReady());
    assert.equal(await page.locator('iframe[src]').count(), 0, 'it loads before its slide');
    await page.keyboard.press('ArrowRight');
    const inside = page.frameLocator('iframe');
    await inside.locator('svg.stage').first().waitFor();
    await page.keyboard.press('ArrowRight');
    assert.equal(await page.evaluate(() => Reveal.getIndices().h), 2, 'the keys are the slides\'');
    await page.keyboard.press('ArrowLeft');
    await steps(inside);
    await page.waitForTimeout(100);
    assert.equal(await page.evaluate(() => Reveal.getIndices().h), 1);
  }, {
    build: (folder) => {
      symlinkSync(fileURLToPath(new URL('node_modules', import.meta.url)), path.join(folder, 'linked'));
      cpSync(path.join(folder, 'linked/reveal.js'), path.join(folder, 'node_modules/reveal.js'), { recursive: true });
      return folder;
    },
  }));

test('mdBook with mdbook-exitless', () =>
  example('mdbook', async ({ page, url }) => {
    await page.goto(`${url}one.html`);
    await steps(page);
    // The book's theme is the figure's.
    const shown = () => page.locator('exitless-stage').evaluate((stage) => stage.shown);
    for (const [theme, is] of [['navy', 'dark'], ['rust', 'light']]) {
      await page.evaluate((theme) => {
        document.documentElement.classList.remove('light', 'rust', 'coal', 'navy', 'ayu');
        document.documentElement.classList.add(theme);
      }, theme);
      await until(shown, (now) => now === is, `the theme ${theme}`);
    }
    // The arrow keys are the figure's while it has the focus, and the book's afterwards.
    const at = () => page.locator('exitless-stage').evaluate((stage) => stage.run.position);
    await page.locator('exitless-stage .box').focus();
    const before = await at();
    await page.keyboard.press('ArrowRight');
    assert.equal(await at(), before + 1);
    assert.match(page.url(), /one\.html/);
    await page.keyboard.press('Escape');
    await page.keyboard.press('ArrowRight');
    await page.waitForURL(/deep\/two\.html/);
    await steps(page);
    // All chapters on one page.
    await page.route('**/print.html', (route) => route.continue());
    await page.addInitScript(() => (globalThis.print = () => {}));
    await page.goto(`${url}print.html`);
    await page.emulateMedia({ media: 'print' });
    assert.equal(await page.locator('exitless-stage').count(), 2);
    await page.locator('exitless-stage svg.stage').first().waitFor();
  }, {
    build: (folder) => {
      execFileSync(mdbook, ['build', folder], {
        stdio: 'pipe',
        env: { ...process.env, PATH: `${path.dirname(mdbookExitless)}${path.delimiter}${process.env.PATH}` },
      });
      return path.join(folder, 'book');
    },
  }));

test('Markdown: the pictures are there, and the links lead somewhere', async () => {
  const text = readFileSync(path.join(examples, 'markdown/README.md'), 'utf8');
  const addresses = [...text.matchAll(/https:\/\/exitless\.example\/([^"]*)/g)].map(([, rest]) => rest);
  assert.equal(addresses.length, 3);
  for (const rest of addresses) {
    if (rest.startsWith('#')) assert.ok((await exitless('run', rest, '--json')).includes('"position"'));
    else assert.match(readFileSync(path.join(dist, rest), 'utf8'), /^<svg xmlns/);
  }
});
