// <exitless-stage> in other people's documents, and the page embed/ in a frame: it draws, steps, follows, keeps still, and
// where it may not run it degrades to what the author put there.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { copyOfSite, launch, serve, watchedPage } from './helpers.mjs';
import { until } from './playground.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const FIRST = 'pinned-vs-offloaded';

let browser;
let site;
before(async () => {
  [browser, site] = await Promise.all([launch(), serve()]);
});
after(async () => {
  await browser?.close();
  site?.stop();
});

/** A host of its own, on another origin, with this page; hands the watched page to `check`. */
async function hosted(body, check, { csp = "default-src * 'unsafe-inline' 'wasm-unsafe-eval' data:", head = '', from = site, ...options } = {}) {
  const folder = mkdtempSync(path.join(tmpdir(), 'exitless-host-'));
  const filled = (text) => text.replaceAll('SITE/', from.url);
  writeFileSync(path.join(folder, 'index.html'), filled(`<!doctype html><html lang="en"><head><title>A host</title><link rel="icon" href="data:,">${head}</head><body><main><h1>A host</h1>${body}</main></body></html>`));
  const host = await serve({ folder, csp });
  const watched = await watchedPage(browser, host.url, options);
  try {
    const requests = [];
    watched.page.on('request', (request) => requests.push(request.url()));
    await watched.page.goto(host.url);
    await check({ ...watched, requests, host });
  } finally {
    await watched.context.close();
    host.stop();
    rmSync(folder, { recursive: true });
  }
}

const SCRIPT = '<script type="module" src="SITE/embed/exitless-stage.js"></script>';
const stageOf = (page) => page.locator('exitless-stage').first();
const running = (page) => page.locator('exitless-stage svg.stage').first().waitFor();
const sentence = (page) => page.locator('exitless-stage .sentence').first().innerText();
const step = (page) => stageOf(page).evaluate((stage) => stage.run.position);

describe('the element', () => {
  const one = `<exitless-stage preset="${FIRST}" src="SITE/"><p id="light">A picture of it</p></exitless-stage>${SCRIPT}`;

  test('it draws every path, steps by button, and says what happened', () =>
    hosted(one, async ({ page, complaints }) => {
      await running(page);
      assert.equal(await page.locator('exitless-stage svg.stage').count(), 2);
      assert.equal(await page.locator('#light').isVisible(), false);
      const [said, at] = [await sentence(page), await step(page)];
      await page.getByRole('button', { name: 'Step', exact: true }).click();
      assert.equal(await step(page), at + 1);
      assert.notEqual(await sentence(page), said);
      const link = await page.getByRole('link', { name: 'Open in Exitless' }).getAttribute('href');
      assert.equal(link, `${site.url}#${await stageOf(page).evaluate((stage) => stage.run.link)}`);
      assert.deepEqual(complaints, []);
    }));

  test('keys are its own only while it has the focus', () =>
    hosted(one, async ({ page }) => {
      await running(page);
      const at = await step(page);
      await page.keyboard.press('ArrowRight');
      assert.equal(await step(page), at);
      const heard = await page.evaluate(() => {
        globalThis.heard = 0;
        addEventListener('keydown', () => (globalThis.heard += 1));
        return globalThis.heard;
      });
      assert.equal(heard, 0);
      await page.keyboard.press('Tab');
      for (const [key, to] of [['ArrowRight', at + 1], ['ArrowLeft', at], ['Home', 0]]) {
        await page.keyboard.press(key);
        assert.equal(await step(page), to, key);
      }
      assert.equal(await page.evaluate(() => globalThis.heard), 1, 'only Tab');
      await page.keyboard.press('Escape');
      await page.keyboard.press('ArrowRight');
      assert.equal(await step(page), 0);
    }));

  for (const [name, set, dark] of [
    ["mdBook's", (root) => (root.className = 'js navy'), true],
    ["mdBook's light", (root) => (root.className = 'rust'), false],
    ["Docusaurus's", (root) => root.setAttribute('data-theme', 'dark'), true],
  ]) {
    test(`it follows ${name} theme`, () =>
      hosted(one, async ({ page }) => {
        await running(page);
        await page.evaluate(`(${set})(document.documentElement)`);
        const shown = () => stageOf(page).evaluate((stage) => stage.shown);
        await until(shown, (now) => now === (dark ? 'dark' : 'light'), 'the theme');
        const ink = await page.locator('exitless-stage svg.stage text').first().evaluate((text) => getComputedStyle(text).fill);
        assert.equal(Number(/\d+/.exec(ink)[0]) > 128, dark, ink);
      }, { colorScheme: dark ? 'light' : 'dark' }));
  }

  test('attributes change what is shown', () =>
    hosted(one, async ({ page }) => {
      await running(page);
      const set = (name, value) => stageOf(page).evaluate((stage, [name, value]) => stage.setAttribute(name, value), [name, value]);
      await set('view', 'ledger text');
      assert.match(await page.locator('exitless-stage pre').innerText(), /Offloaded, this tick/);
      assert.match(await page.locator('exitless-stage table').innerText(), /housekeeper time/);
      assert.equal(await page.locator('exitless-stage svg.stage').first().isVisible(), false);
      await set('controls', 'none');
      assert.equal(await page.locator('exitless-stage .controls').isVisible(), false);
      await set('preset', 'amd-avic');
      assert.match(await page.locator('exitless-stage .title').innerText(), /AVIC/);
    }));

  test('playing stops at a press, at the end, and out of sight', () =>
    hosted(`${one}<div id="tall"></div>`, async ({ page }) => {
      await running(page);
      await page.evaluate(() => document.getElementById('tall').style.setProperty('height', '5000px'));
      await stageOf(page).evaluate((stage) => (stage.seek(0), stage.play(20)));
      await until(() => step(page), (now) => now > 3, 'it plays');
      await page.getByRole('button', { name: 'Stop' }).click();
      const at = await step(page);
      await page.waitForTimeout(200);
      assert.equal(await step(page), at);
      await stageOf(page).evaluate((stage) => stage.play(20));
      await page.evaluate(() => scrollTo(0, 5000));
      await until(() => page.locator('exitless-stage [data-do=play]').textContent(), (text) => text === 'Play', 'it plays out of sight');
    }));

  test('axe finds nothing, in both themes', () =>
    hosted(one, async ({ page }) => {
      await running(page);
      for (const theme of ['light', 'dark']) {
        await stageOf(page).evaluate((stage, theme) => (stage.setAttribute('theme', theme), stage.setAttribute('view', 'stage ledger text')), theme);
        await page.evaluate(AXE);
        const { violations } = await page.evaluate(() => globalThis.axe.run());
        assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]), [], theme);
      }
    }));

  test('on paper the picture and its link stay, the controls do not', () =>
    hosted(one, async ({ page }) => {
      await running(page);
      await page.emulateMedia({ media: 'print' });
      assert.equal(await page.locator('exitless-stage .controls').isVisible(), false);
      assert.ok(await page.locator('exitless-stage svg.stage').first().isVisible());
      assert.match(await page.locator('exitless-stage .paper-link').innerText(), /#pinned-vs-offloaded/);
    }));

  test('ten on one page share one download and keep still until they are touched', () => {
    const init = () => {
      globalThis.calls = [];
      for (const name of ['setTimeout', 'setInterval', 'requestAnimationFrame', 'requestIdleCallback']) {
        const real = globalThis[name];
        globalThis[name] = (...args) => (globalThis.calls.push(name), real(...args));
      }
    };
    const ten = Array.from({ length: 10 }, () => `<exitless-stage preset="${FIRST}"></exitless-stage>`).join('');
    return hosted(ten + SCRIPT, async ({ page, requests, context }) => {
      const wake = () => page.evaluate(() => Promise.all([...document.querySelectorAll('exitless-stage')].map((stage) => stage.wake())));
      await page.waitForFunction(() => customElements.get('exitless-stage'));
      await wake();
      assert.equal(await page.locator('exitless-stage svg.stage').count(), 20);
      for (const file of ['engine_bg.wasm', 'exitless-stage.js']) assert.equal(requests.filter((url) => url.includes(file)).length, 1, file);
      assert.deepEqual(await page.evaluate(() => globalThis.calls), []);
      const ids = await page.evaluate(() => [...document.querySelectorAll('exitless-stage')].flatMap((stage) => [...stage.shadowRoot.querySelectorAll('pattern')].map(({ id }) => id)));
      assert.equal(new Set(ids).size, ids.length);
      void context;
    }, { head: `<script>(${init})()</script>` });
  });

  test('it loads nothing before it comes near the window', () =>
    hosted(`<div id="tall"></div>${one}`, async ({ page, requests }) => {
      await page.waitForFunction(() => customElements.get('exitless-stage'));
      await page.waitForTimeout(300);
      assert.deepEqual(requests.filter((url) => url.includes('.wasm')), []);
      assert.ok(await page.locator('#light').isVisible());
      await stageOf(page).scrollIntoViewIfNeeded();
      await running(page);
    }, { head: '<style>#tall { height: 5000px }</style>' }));
});

describe('where it may not run', () => {
  const stage = (attributes) => `<exitless-stage ${attributes}><p id="light">A picture of it</p></exitless-stage>${SCRIPT}`;
  /** The element says why, and what the author put there is back. */
  const explained = async (page, words) => {
    await page.locator('exitless-stage .message', { hasText: words }).waitFor();
    assert.ok(await page.locator('#light').isVisible());
  };
  const strict = (more = '') => `default-src 'self'; script-src * ; connect-src *; ${more}`;

  test('a policy without wasm-unsafe-eval: a frame takes its place, and runs', () =>
    hosted(stage(`preset="${FIRST}"`), async ({ page }) => {
      const frame = page.frameLocator('exitless-stage iframe');
      await frame.locator('exitless-stage svg.stage').first().waitFor();
      const said = await frame.locator('.sentence').innerText();
      await frame.getByRole('button', { name: 'Step', exact: true }).click();
      assert.notEqual(await frame.locator('.sentence').innerText(), said);
    }, { csp: strict('frame-src *') }));

  test('and no frames either: the picture stays, with the reason and a link', () =>
    hosted(stage(`preset="${FIRST}"`), async ({ page }) => {
      await explained(page, "script-src lacks 'wasm-unsafe-eval'");
      assert.equal(await page.getByRole('link', { name: 'Open it in Exitless' }).getAttribute('href'), `${site.url}#${FIRST}`);
    }, { csp: strict("frame-src 'none'") }));

  for (const [what, attributes, words] of [
    ['a link of a newer version', 'state="v99.AAAA"', 'this link is of version 99'],
    ['a damaged link', 'state="v3.AAAA"', 'this link is damaged'],
    ['no link at all', 'state="teatime"', 'neither a link nor a preset'],
    ['a lesson', 'lesson="1"', 'only the full application shows'],
  ]) {
    test(`${what} has words of its own`, () => hosted(stage(attributes), ({ page }) => explained(page, words)));
  }

  for (const [what, init, words] of [
    ['a browser without WebAssembly', 'delete globalThis.WebAssembly', 'This browser has no WebAssembly'],
    ['an old browser', 'delete Document.prototype.adoptedStyleSheets', 'This browser is too old'],
  ]) {
    test(`${what} has words of its own`, () =>
      hosted(stage(`preset="${FIRST}"`), ({ page }) => explained(page, words), { head: `<script>${init}</script>` }));
  }

  for (const [what, change, words] of [
    ['a missing engine', (file) => rmSync(file), 'engine_bg.wasm is missing (the server answered 404)'],
    ['an error page in its place', (file) => writeFileSync(file, '<!doctype html>'), 'has to send the published file as “application/wasm”'],
    ['a damaged engine', (file) => writeFileSync(file, new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 99])), 'cannot read the engine'],
  ]) {
    test(`${what} has words of its own`, async () => {
      const copy = copyOfSite();
      const engine = path.join(copy.site, 'embed/engine_bg.wasm');
      for (const suffix of ['.br', '.gz']) rmSync(engine + suffix);
      change(engine);
      const from = await serve({ folder: copy.site });
      try {
        await hosted(stage(`preset="${FIRST}"`), ({ page }) => explained(page, words), { from });
      } finally {
        from.stop();
        copy.remove();
      }
    });
  }

  test('a wrong type of the right file does no harm', async () => {
    const from = await serve({ mime: 'wasm=text/plain' });
    try {
      await hosted(stage(`preset="${FIRST}"`), ({ page }) => running(page), { from });
    } finally {
      from.stop();
    }
  });
});

describe('the page for frames', () => {
  const frame = (attributes = '', fragment = FIRST) => `<iframe title="A stage" src="SITE/embed/#${fragment}" width="800" height="420" ${attributes}></iframe>`;
  const HOST = '<script type="module">import { connect } from "SITE/embed/host.js"; globalThis.stage = connect(document.querySelector("iframe")); await stage.ready; globalThis.ready = true;</script>';
  const ask = (page, message) => page.evaluate((message) => globalThis.stage.send(message), message);
  const connected = (page) => page.waitForFunction(() => globalThis.ready);

  test('handshake, then every message is answered', () =>
    hosted(frame() + HOST, async ({ page, complaints }) => {
      await connected(page);
      const at = (await ask(page, { type: 'get', what: 'state' })).step;
      assert.equal((await ask(page, { type: 'step', n: 3 })).step, at + 3);
      assert.equal((await ask(page, { type: 'step', n: -1 })).step, at + 2);
      assert.equal((await ask(page, { type: 'seek', step: 0 })).step, 0);
      const [event] = await ask(page, { type: 'get', what: 'events', path: 'posted', from: 0, to: 1 });
      assert.equal(event.path, 'posted');
      assert.match(await ask(page, { type: 'export', format: 'svg' }), /^<svg xmlns/);
      assert.match(await ask(page, { type: 'export', format: 'text' }), /Offloaded, this tick/);
      assert.equal((await ask(page, { type: 'load', state: 'amd-avic' })).preset, 'amd-avic');
      assert.equal(await ask(page, { type: 'get', what: 'link' }), 'amd-avic');
      await ask(page, { type: 'setTheme', theme: 'dark' });
      await ask(page, { type: 'setView', view: 'ledger' });
      assert.equal(await page.frames()[1].locator('exitless-stage').getAttribute('theme'), 'dark');
      await ask(page, { type: 'play', speed: 20 });
      await ask(page, { type: 'pause' });
      for (const [message, words] of [
        [{ type: 'load', state: 'v99.AAAA' }, /version 99/],
        [{ type: 'jump' }, /there is no message "jump"; there are: hello, load/],
        [{ type: 'get', what: 'tea' }, /there are: state, link/],
        [{ type: 'export', format: 'gif' }, /there are: svg, text/],
      ]) {
        await assert.rejects(ask(page, message), words);
      }
      assert.deepEqual(complaints, []);
    }));

  test('steps are told, and the frame is as high as what it shows', () =>
    hosted(frame() + HOST, async ({ page }) => {
      await connected(page);
      const inside = page.frames()[1];
      await inside.locator('svg.stage').first().waitFor();
      await page.evaluate(() => globalThis.stage.on('state', (message) => (globalThis.told = message)));
      await inside.getByRole('button', { name: 'Step', exact: true }).click();
      const told = await until(() => page.evaluate(() => globalThis.told), Boolean, 'nothing was told');
      assert.equal(told.permalink, `${site.url}#${await inside.locator('exitless-stage').evaluate((stage) => stage.run.link)}`);
      const height = () => page.locator('iframe').evaluate((frame) => frame.clientHeight);
      const body = await inside.evaluate(() => document.body.scrollHeight);
      await until(height, (now) => Math.abs(now - body) < 3, `not ${body} high`);
    }));

  test('messages of others are ignored and counted', () =>
    hosted(frame('', FIRST) + HOST, async ({ page }) => {
      await connected(page);
      const before = await ask(page, { type: 'get', what: 'state' });
      // A frame of another origin that says the right things to its neighbour; and the host itself, with other things.
      await page.evaluate(() => {
        const other = document.createElement('iframe');
        other.setAttribute('sandbox', 'allow-scripts');
        other.srcdoc = '<script>for (const type of ["hello", "step"]) parent.frames[0].postMessage({ exitless: 1, type }, "*"); parent.postMessage("done", "*")</script>';
        document.body.append(other);
        return new Promise((done) => addEventListener('message', ({ data }) => data === 'done' && done()));
      });
      await page.evaluate(() => document.querySelector('iframe').contentWindow.postMessage({ lapic: 1, type: 'step' }, '*'));
      assert.equal(await until(() => ask(page, { type: 'get', what: 'ignored' }), (count) => count >= 3, 'they were not counted'), 3);
      assert.equal((await ask(page, { type: 'get', what: 'state' })).step, before.step);
    }));

  test('in a sandbox without an origin it runs all the same', () =>
    hosted(frame('sandbox="allow-scripts"') + HOST, async ({ page }) => {
      await connected(page);
      const inside = page.frameLocator('iframe');
      await inside.locator('svg.stage').first().waitFor();
      const said = await inside.locator('.sentence').innerText();
      await inside.getByRole('button', { name: 'Step', exact: true }).click();
      assert.notEqual(await inside.locator('.sentence').innerText(), said);
    }));

  test('a host without an origin hears nothing of the run', async () => {
    // No frame-ancestors: its * means origins that have a name.
    const from = await serve({ csp: "base-uri 'none'" });
    await hosted('', async ({ page }) => {
      const heard = await page.evaluate((address) => {
        const host = document.createElement('iframe');
        host.setAttribute('sandbox', 'allow-scripts');
        host.srcdoc = `<iframe src="${address}"></iframe><script>
          onmessage = ({ data }) => parent.postMessage(data, '*');
          const say = (message) => frames[0].postMessage({ exitless: 1, ...message }, '*');
          setInterval(() => { say({ type: 'hello' }); say({ type: 'get', what: 'state', id: 7 }); say({ type: 'step' }) }, 200);
        </script>`;
        document.body.append(host);
        return new Promise((done) => {
          const types = [];
          addEventListener('message', ({ data }) => types.push(data.type));
          setTimeout(() => done(types), 4000);
        });
      }, `${from.url}embed/#${FIRST}`);
      assert.deepEqual([...new Set(heard)].sort(), ['ready', 'resize']);
    }).finally(from.stop);
  });

  test('the policy is its own, whatever the server sends', async () => {
    const page = await (await fetch(`${site.url}embed/`)).text();
    assert.match(page, /Content-Security-Policy" content="default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'/);
  });

  test('the figure of a preset is there without the engine', async () => {
    const copy = copyOfSite();
    for (const suffix of ['', '.br', '.gz']) rmSync(path.join(copy.site, `embed/engine_bg.wasm${suffix}`));
    const from = await serve({ folder: copy.site });
    const watched = await watchedPage(browser, from.url);
    try {
      await watched.page.goto(`${from.url}embed/#amd-avic`);
      await watched.page.locator('#figure').waitFor();
      assert.ok(await watched.page.locator('#figure').evaluate((figure) => figure.naturalWidth > 300));
      await watched.page.locator('exitless-stage .message', { hasText: 'engine_bg.wasm is missing' }).waitFor();
    } finally {
      await watched.context.close();
      from.stop();
      copy.remove();
    }
  });

});

test('the picture page draws the moment of a link in each theme, to save', async () => {
  const watched = await watchedPage(browser, site.url);
  try {
    await watched.page.goto(`${site.url}picture/#amd-avic`);
    await watched.page.locator('img').nth(2).waitFor();
    assert.deepEqual(await watched.page.locator('a').evaluateAll((all) => all.map((a) => a.download)), ['exitless.light.svg', 'exitless.dark.svg', 'exitless.svg']);
    assert.ok(await watched.page.locator('img').first().evaluate((img) => img.complete && img.naturalWidth > 300));
    await watched.page.goto(`${site.url}picture/#v99.AA`);
    await watched.page.reload();
    await watched.page.getByRole('alert').filter({ hasText: 'version 99' }).waitFor();
    assert.deepEqual([watched.complaints, watched.strangers], [[], []]);
  } finally {
    await watched.context.close();
  }
});
