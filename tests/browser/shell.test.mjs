// The page around the playground: it starts, asks nobody else, and whatever is missing or forbidden it stays readable.

import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { copyOfSite, dist, launch, serve, started, visibleText, watchedPage } from './helpers.mjs';

const FRAGMENT = '#kept-as-it-is';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/** Opens `url` and hands the watched page to `check`; closes it whatever happens. */
async function visit(url, check, options) {
  const watched = await watchedPage(browser, url, options);
  try {
    await watched.page.goto(url);
    await check(watched);
  } finally {
    await watched.context.close();
  }
}

/** The page could not start: it says `expected`, still explains itself, and has not touched the link. */
async function readable(page, expected) {
  assert.match(await visibleText(page, expected), /costs the guest an exit/);
  assert.ok(await page.getByRole('heading', { name: 'Exitless: where does the tick go?' }).isVisible());
  assert.equal(new URL(page.url()).hash, FRAGMENT);
}

describe('a good host', () => {
  let server;
  before(async () => {
    server = await serve();
  });
  after(() => server?.stop());

  test('the playground starts under the strict policy, without a complaint, and asks no other origin', () =>
    visit(server.url, async ({ page, complaints, strangers }) => {
      await started(page);
      await page.waitForLoadState('networkidle');
      assert.deepEqual(complaints, []);
      assert.deepEqual(strangers, []);
    }));

  test('the policy is the strict one', async () => {
    const policy = (await fetch(server.url)).headers.get('content-security-policy');
    assert.match(policy, /default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self';/);
  });

  test('without JavaScript the page says what it is and what it needs', () =>
    visit(server.url + FRAGMENT, ({ page }) => readable(page, 'JavaScript is switched off.'), { javaScriptEnabled: false }));

  test('a program that stops later says so', () =>
    visit(server.url + FRAGMENT, async ({ page }) => {
      await started(page);
      await page.evaluate(() => {
        // (module (func (export "f") unreachable)): what a Rust panic ends in.
        const bytes = [0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 5, 1, 3, 0, 0, 11];
        const { exports } = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(bytes)));
        setTimeout(exports.f);
      });
      await visibleText(page, 'The playground has stopped');
      assert.equal(new URL(page.url()).hash, FRAGMENT);
    }));
});

test('the site works from a folder below the root of its host', async () => {
  const copy = copyOfSite('docs/timer/exitless');
  const server = await serve({ folder: copy.base });
  try {
    await visit(`${server.url}docs/timer/exitless/`, async ({ page, complaints, strangers }) => {
      await started(page);
      assert.deepEqual(complaints, []);
      assert.deepEqual(strangers, []);
    });
  } finally {
    server.stop();
    copy.remove();
  }
});

test("a policy without 'wasm-unsafe-eval' leaves a readable page that names it", async () => {
  const server = await serve({ csp: "default-src 'self'" });
  try {
    await visit(server.url + FRAGMENT, async ({ page }) => {
      await readable(page, 'This page may not run WebAssembly.');
      assert.match(await page.locator('#boot-message').innerText(), /'wasm-unsafe-eval'/);
    });
  } finally {
    server.stop();
  }
});

test('a policy without any script leaves the readable page of index.html', async () => {
  const server = await serve({ csp: "script-src 'none'" });
  try {
    await visit(server.url + FRAGMENT, ({ page }) => readable(page, 'did not run'));
  } finally {
    server.stop();
  }
});

test('wasm under a wrong type runs all the same', async () => {
  const server = await serve({ mime: 'wasm=text/plain' });
  try {
    await visit(server.url, async ({ page, complaints }) => {
      await started(page);
      assert.deepEqual(complaints, []);
    });
  } finally {
    server.stop();
  }
});

test('scripts under a wrong type leave the readable page of index.html', async () => {
  const server = await serve({ mime: 'js=text/plain' });
  try {
    await visit(server.url + FRAGMENT, ({ page }) => readable(page, 'did not run'));
  } finally {
    server.stop();
  }
});

/** Changes a copy of the site, then expects the message. */
async function broken(change, expected) {
  const copy = copyOfSite();
  change((file) => path.join(copy.site, file));
  const server = await serve({ folder: copy.site });
  try {
    await visit(server.url + FRAGMENT, ({ page }) => readable(page, expected));
  } finally {
    server.stop();
    copy.remove();
  }
}

/** Removes a file with its compressed siblings, which the server would send in its place. */
function remove(at, file) {
  for (const suffix of ['', '.br', '.gz']) rmSync(at(file + suffix));
}

function replace(at, file, content) {
  remove(at, file);
  writeFileSync(at(file), content);
}

test('missing wasm leaves a readable page', () =>
  broken((at) => remove(at, 'ui_bg.wasm'), 'ui_bg.wasm is missing (the server answered 404).'));

test('missing glue code leaves a readable page', () =>
  broken((at) => remove(at, 'ui.js'), 'ui.js is missing (the server answered 404).'));

test('a missing loader leaves the readable page of index.html', () =>
  broken((at) => remove(at, 'static/loader.js'), 'did not run'));

test('an error page in place of the wasm leaves a readable page that names the right type', () =>
  broken((at) => replace(at, 'ui_bg.wasm', '<!doctype html>Sorry'), 'it has to send the published file as “application/wasm”'));

test('damaged wasm leaves a readable page', () =>
  broken((at) => replace(at, 'ui_bg.wasm', new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 99])), 'This browser cannot read ui_bg.wasm.'));

test('glue code that is not JavaScript leaves a readable page', () =>
  broken((at) => replace(at, 'ui.js', '<!doctype html>Sorry'), 'ui.js did not start.'));

test('opened as a file, the page says how to serve it', () =>
  visit(pathToFileURL(path.join(dist, 'index.html')).href + FRAGMENT, ({ page }) => readable(page, 'This page was opened as a file.')));

test('a browser without WebAssembly is told so', async () => {
  const server = await serve();
  const watched = await watchedPage(browser, server.url);
  try {
    await watched.page.addInitScript(() => {
      delete globalThis.WebAssembly;
    });
    await watched.page.goto(server.url + FRAGMENT);
    await readable(watched.page, 'This browser has no WebAssembly.');
  } finally {
    await watched.context.close();
    server.stop();
  }
});
