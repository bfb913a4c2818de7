// What every browser test needs: the built site behind xtask's own server (strict policy included), a real Chromium,
// and the two things no page may do: complain on the console, ask another origin.
//
// `cargo xtask test` sets the EXITLESS_ variables. By hand, after `cargo xtask dist` and `cargo build`:
//   node --test shell.test.mjs

import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

export const root = fileURLToPath(new URL('../..', import.meta.url));
const from = (name, otherwise) => process.env[name] || otherwise;

/** The built site. */
export const dist = from('EXITLESS_DIST', path.join(root, 'dist'));
/** The native command line, to compare the page with. */
export const cli = from('EXITLESS_CLI', path.join(root, 'target/debug/exitless'));
/** The native benchmark of the machine. */
export const machineBench = from('EXITLESS_MACHINE_BENCH', path.join(root, 'target/debug/machine-bench'));

/** crates/wasm-bridge for the web: `wasm_bridge.js` with its wasm. */
export const bridge = from('EXITLESS_BRIDGE', path.join(root, 'target/bridge'));

/** The npm package, as it is published. */
export const npm = from('EXITLESS_NPM', path.join(root, 'target/npm'));

/** mdBook, and the preprocessor that is tested. */
export const mdbook = from('EXITLESS_MDBOOK', 'mdbook');
export const mdbookExitless = from('EXITLESS_MDBOOK_EXITLESS', path.join(root, 'target/debug/mdbook-exitless'));

const xtask = from('EXITLESS_XTASK', path.join(root, 'target/debug/xtask'));
const executablePath = from('EXITLESS_CHROMIUM', '/usr/bin/chromium');

/** Chromium refuses its own sandbox to root, which containers often are. */
const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];

/** A browser; close it in `after`. */
export function launch() {
  return chromium.launch({
    executablePath,
    headless: true,
    args: [
      ...sandbox,
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/**
 * Serves a folder through xtask's server. `csp` and `mime` (such as 'wasm=text/plain') imitate hosts that are set up
 * differently. Resolves to `{ url, stop }`.
 */
export async function serve({ folder = dist, csp, mime } = {}) {
  const options = [...(csp === undefined ? [] : ['--csp', csp]), ...(mime ? ['--mime', mime] : [])];
  const server = spawn(xtask, ['serve-dir', folder, '--port', '0', ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  const stop = () => server.kill();
  for await (const line of createInterface({ input: server.stdout })) {
    const address = /http:\/\/\S+\//.exec(line);
    if (address) return { url: address[0], stop };
  }
  throw new Error(`${xtask} serve-dir ${folder} ended without an address`);
}

/** A changeable copy of the built site, at `under` inside a fresh folder. Resolves to `{ base, site, remove }`. */
export function copyOfSite(under = '.') {
  const base = mkdtempSync(path.join(tmpdir(), 'exitless-site-'));
  const site = path.join(base, under);
  mkdirSync(site, { recursive: true });
  cpSync(dist, site, { recursive: true });
  return { base, site, remove: () => rmSync(base, { recursive: true, force: true }) };
}

/**
 * A page in a context of its own, watched from its first request: `complaints` collects console errors, warnings and
 * uncaught exceptions, `strangers` every request to an origin other than `url`'s.
 */
export async function watchedPage(browser, url, options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const complaints = [];
  const strangers = [];
  const origin = new URL(url).origin;
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => {
    const address = new URL(request.url());
    const inside = ['data:', 'blob:'].includes(address.protocol);
    if (!inside && address.origin !== origin) strangers.push(request.url());
  });
  return { page, context, complaints, strangers };
}

/** Waits until the playground has taken over from the message that index.html shows. */
export async function started(page) {
  await page.locator('#boot').waitFor({ state: 'hidden' });
  await page.locator('#app > *').first().waitFor();
}

/** Waits until the page's visible text contains `expected`, and returns all of it. <noscript> counts as text here. */
export async function visibleText(page, expected, patience = 10_000) {
  const deadline = Date.now() + patience;
  for (;;) {
    const text = await page.locator('body').innerText();
    if (text.includes(expected)) return text;
    if (Date.now() > deadline) throw new Error(`the page never said ${JSON.stringify(expected)}; it says:\n${text}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
