// Driving the playground, and reading its state: only what crates/ui/src/main.rs promises is relied on.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before } from 'node:test';
import { promisify } from 'node:util';

import { cli, launch, serve, watchedPage } from './helpers.mjs';

/** The preset that most tests drive: the first one the page shows. */
export const FIRST = '#pinned-vs-offloaded';
export const PATHS = ['pinned', 'posted'];

/**
 * Serves the built site to one browser for all tests of a file. The result opens a fragment in a context of its own,
 * hands `{ page, context, url, complaints }` to `check`, and holds the page to no complaint and no stranger.
 */
export function playground() {
  let browser;
  let server;
  before(async () => {
    [browser, server] = await Promise.all([launch(), serve()]);
  });
  after(async () => {
    await browser?.close();
    server?.stop();
  });
  return async (fragment, check, { init, ...options } = {}) => {
    const watched = await watchedPage(browser, server.url, options);
    try {
      if (init) await watched.context.addInitScript(init);
      await watched.page.goto(server.url + fragment);
      await ready(watched.page);
      await check({ ...watched, browser, url: server.url });
      assert.deepEqual(watched.complaints, [], 'the console');
      assert.deepEqual(watched.strangers, [], 'other origins');
    } finally {
      await watched.context.close();
    }
  };
}

/** Waits until the page runs. */
export const ready = (page) => page.locator('#app[data-ready="true"]').waitFor();

export const at = (page, testid) => page.getByTestId(testid);

/** Waits until `read` gives what `accept` accepts, and returns it. */
export async function until(read, accept, what, patience = 10_000) {
  const deadline = Date.now() + patience;
  for (;;) {
    const found = await read();
    if (await accept(found)) return found;
    if (Date.now() > deadline) assert.fail(`${what}: ${JSON.stringify(found)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Steps taken. */
export const position = async (page) => Number(await at(page, 'step-number').inputValue());

/** Waits until so many steps are taken. */
export const reached = (page, steps) => until(() => position(page), (now) => now === steps, `never came to step ${steps}`);

/** Does `act`, and waits until the position is another one; returns it. */
export async function moves(page, act) {
  const before = await position(page);
  await act();
  return until(() => position(page), (now) => now !== before, `stayed at step ${before}`);
}

/** Opens everything that folds, also what comes with the second part of the program. */
export async function openAll(page) {
  const open = () => page.locator('summary').evaluateAll((all) => all.forEach((e) => e.parentElement.open || e.click()));
  await open();
  await at(page, 'ticks').waitFor();
  await open();
}

/** Presses a button of the transport and waits for the move. */
export const press = (page, testid) => moves(page, () => at(page, testid).click());

/** Goes to a position through the step field. */
export async function seek(page, steps) {
  if ((await position(page)) === steps) return;
  await at(page, 'step-number').fill(String(steps));
  await at(page, 'step-number').press('Enter');
  await reached(page, steps);
}

/**
 * Everything that the page says of a moment. `pi` and `ledger` by path; `marks` of each stage; `data` is every element
 * with data attributes, with its classes: not in the list, whose rows also depend on how far it is scrolled, nor in messages.
 */
export const state = (page) =>
  page.evaluate(() => {
    const at = (id) => document.querySelector(`[data-testid="${id}"]`);
    const all = (selector, root = document) => [...root.querySelectorAll(selector)];
    const paths = all('.stage-card[data-path]').map((e) => e.dataset.path);
    const byPath = (read) => Object.fromEntries(paths.map((path) => [path, read(path)]));
    const numbers = (path) => all(`[data-ledger][data-path="${path}"]`).map((e) => [e.dataset.ledger, Number(e.dataset.value)]);
    return {
      position: Number(at('step-number').value),
      total: Number(at('step-total').textContent),
      time: at('time').textContent,
      rule: at('rule')?.textContent ?? '',
      sentence: at('sentence').textContent,
      here: document.querySelector('[data-testid=steps-list] .here')?.dataset.beat ?? null,
      pi: byPath((path) => ({ ...at(`pi-${path}`).dataset })),
      ledger: byPath((path) => Object.fromEntries(numbers(path))),
      marks: byPath((path) =>
        all('[data-kind]', at(`stage-${path}`)).map((e) => ({ ...e.dataset, future: e.classList.contains('future') })),
      ),
      data: all('#app *')
        .filter((e) => Object.keys(e.dataset).length > 0 && !e.closest('[data-testid=steps-list], [role=alert]'))
        .map((e) => [JSON.stringify(e.dataset), e.getAttribute('class') ?? ''].join(' ')),
    };
  });

/** The marks of a stage with these attributes. */
export const marks = ({ marks }, path, wanted) =>
  marks[path].filter((mark) => Object.entries(wanted).every(([key, value]) => String(mark[key]) === String(value)));

/** The fragment, once the address has caught up with the page. */
export async function fragment(page) {
  const here = await position(page);
  // A bad address stands until the page has put its own there.
  const means = (hash) => exitless('run', hash, '--json').then((json) => JSON.parse(json).position, () => null);
  const hash = () => page.evaluate(() => location.hash);
  return until(hash, async (hash) => (await means(hash)) === here, `the address does not follow to step ${here}`);
}

/** Runs the command line and returns what it prints. */
export async function exitless(...options) {
  const { stdout } = await promisify(execFile)(cli, options, { maxBuffer: 2 ** 30 });
  return stdout;
}

/** The page's ledgers equal those of the command line for the page's link. */
export async function sameLedgerAsTheCommandLine(page) {
  const link = await fragment(page);
  const [told, here] = [JSON.parse(await exitless('run', link, '--json')), await state(page)];
  assert.equal(told.position, here.position, link);
  assert.equal(told.beats, here.total, link);
  assert.deepEqual(here.ledger, Object.fromEntries(told.paths.map(({ path, ledger }) => [path, ledger])), link);
}

/** Tabs until the element with this test id, or the first that matches a selector, has the focus. */
export async function tabTo(page, wanted, key = 'Tab') {
  const selector = /[[#. ]/.test(wanted) ? wanted : `[data-testid="${wanted}"]`;
  for (let presses = 0; presses < 200; presses++) {
    if (await page.evaluate((selector) => document.activeElement?.matches(selector), selector)) return;
    await page.keyboard.press(key);
  }
  assert.fail(`${wanted} is not reached with ${key}`);
}
