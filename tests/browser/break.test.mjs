// Break it: rules taken away, searched for in the lab, watched on the stage to the last sentence, and lost by hand.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { cli } from './helpers.mjs';
import { FIRST, at, playground, position, press, seek, until } from './playground.mjs';

const visit = playground();

/** A search is a second of work, and the machine may be busy. */
const PATIENCE = 60_000;

const open = (page) => page.locator('[data-testid=break-it] > summary').click();
const verdict = (page) => until(() => at(page, 'verdict').innerText().catch(() => ''), Boolean, 'no verdict', PATIENCE);
const sentence = (page) => at(page, 'sentence').innerText();

async function search(page, rule) {
  await at(page, `rule-${rule}`).check();
  await at(page, 'check').click();
  return verdict(page);
}

/** From the button to the last sentence. */
async function watch(page, rule, says, saves) {
  await open(page);
  const found = await search(page, rule);
  assert.match(found, says);
  await at(page, 'watch').click();
  assert.equal(await position(page), 0);
  await press(page, 'step');
  assert.equal(await position(page), 1);
  await seek(page, Number(await at(page, 'step-total').innerText()));
  const last = await until(() => sentence(page), (text) => /What would have saved it/.test(text), 'no last sentence', PATIENCE);
  assert.match(last, saves);
  return last;
}

test('a kick that is not sent: from the button to the last sentence', () =>
  visit(FIRST, ({ page }) => watch(page, 'B1', /its interrupt is lost/, /A kick for an expiry that is left pending/)));

test('a barrier that is missing: the run is shared by its link', () =>
  visit(FIRST, async ({ page, context }) => {
    const last = await watch(page, 'B22', /ON is 1 in guest mode/, /The barrier between vcpu->mode and ON/);
    const address = await until(() => page.url(), (url) => /#c1\.[\w-]+$/.test(url), 'no link');
    const other = await (context ?? page.context()).newPage();
    await other.goto(address);
    const there = await until(() => at(other, 'sentence').innerText().catch(() => ''), (text) => /What would have saved it/.test(text), 'not shared', PATIENCE);
    assert.equal(there, last);
    await other.close();
    // It is the same run natively, and as long.
    const text = address.slice(address.indexOf('#') + 1);
    const [, found] = (await at(page, 'verdict').innerText()).match(/has (\d+) moves/);
    const { stdout } = await promisify(execFile)(cli, ['check', text, '--json']).catch((violated) => violated);
    assert.equal(JSON.parse(stdout)[0].counterexample.length, Number(found));
  }));

test('a wait that is missing, stepped back and played by hand', () =>
  visit(FIRST, async ({ page }) => {
    await watch(page, 'B2', /before its deadline/, /The wait before a post/);
    await press(page, 'back');
    assert.doesNotMatch(await sentence(page), /What would have saved it/);
  }));

test('a person loses the interrupt, or not yet', () =>
  visit(FIRST, async ({ page }) => {
    await open(page);
    await search(page, 'B28');
    await at(page, 'try').click();
    const tally = () => at(page, 'judged').innerText();
    await until(tally, (text) => /0 moves, nothing is lost yet. Par is 14/.test(text), 'no tally', PATIENCE);
    await page.locator('.offers button, [data-testid^=offers-] button').first().click();
    await until(tally, (text) => /[1-9]\d* moves/.test(text), 'the pick does not count', PATIENCE);
  }));

test('the proof is made again, and a rule is searched on the stage', () =>
  visit(FIRST, async ({ page }) => {
    await open(page);
    const badge = await at(page, 'proof-posted').innerText();
    const [, states] = badge.match(/interleaving of this scenario, ([\d\s]+) states/);
    await at(page, 'prove-posted').click();
    assert.match(await verdict(page), new RegExp(`^Holds.* ${states} states`));
    await at(page, 'check-where').selectOption('posted');
    await search(page, 'B2');
    await until(() => at(page, 'verdict').innerText().catch(() => ''), (text) => /^Violated/.test(text), 'not found', PATIENCE);
  }));
