// Two to four paths, or one path in several eras, under one transport; by pointer, and by keyboard alone.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FIRST, at, exitless, fragment, playground, position, press, ready, sameLedgerAsTheCommandLine, seek, state, tabTo, until } from './playground.mjs';

const visit = playground();

const open = (page) => page.locator('[data-testid=compare] > summary').click();
const compared = (page) => page.locator('.stage-card').evaluateAll((all) => all.map((e) => e.dataset.path));
const becomes = (page, paths) => until(() => compared(page), (now) => now.join() === paths.join(), `never compares ${paths}`);
const answers = (page, aspect) =>
  page.locator(`[data-aspect=${aspect}] td`).evaluateAll((all) => Object.fromEntries(all.map((e) => [e.dataset.path, e.dataset.value])));

test('what differs in a tick is told by path', () =>
  visit(FIRST, async ({ page }) => {
    assert.deepEqual(await answers(page, 'firing'), { pinned: 'EXTERNAL_INTERRUPT', posted: 'no exit' });
    assert.deepEqual(await answers(page, 'ipi'), { pinned: 'none', posted: '0xf2, core 0 → 3' });
    assert.match(await at(page, 'alike').innerText(), /exit while arming: MSR_WRITE/);
    // Another tick is told anew; these are ledgers of the command line too.
    await press(page, 'next-expiry');
    assert.equal((await answers(page, 'firing')).posted, 'no exit');
  }));

test('a third and a fourth path join, a fifth does not, and each can leave', () =>
  visit(FIRST, async ({ page }) => {
    await open(page);
    await at(page, 'add-way').click();
    await becomes(page, ['pinned', 'posted', 'preemption-timer']);
    await at(page, 'way-2').selectOption('not-posted');
    await becomes(page, ['pinned', 'posted', 'not-posted']);
    await at(page, 'add-way').click();
    await until(() => compared(page), ({ length }) => length === 4, 'no fourth');
    assert.ok(await at(page, 'add-way').isDisabled());
    await sameLedgerAsTheCommandLine(page);
    // Four columns fit beside each other.
    const wide = () => page.locator('aside td, aside th').evaluateAll((all) => all.filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.innerText));
    assert.deepEqual(await wide(), []);
    for (const left of [3, 2, 1]) {
      await at(page, 'drop-0').click();
      await until(() => compared(page), ({ length }) => length === left, `not ${left}`);
    }
    assert.ok(await at(page, 'drop-0').isDisabled());
    assert.equal(await at(page, 'differences').count(), 0, 'one path differs from nothing');
    await page.goBack();
    await until(() => compared(page), ({ length }) => length === 2, 'the back button brings one back');
  }));

test('a path that the scenario refuses says why, and nothing changes', () =>
  visit(FIRST, async ({ page }) => {
    await open(page);
    const why = await page.locator('[data-testid=refused-paths] [data-path=apic-timer-virtualization]').innerText();
    assert.match(why, /Virtual timer: .*proposed.*Valid: "2026"/);
    const before = await state(page);
    await at(page, 'way-0').selectOption('apic-timer-virtualization');
    assert.match(await at(page, 'compare-refusal').innerText(), /nothing has changed.*era 6\.19 does not have it.*Valid/);
    assert.equal(await at(page, 'way-0').inputValue(), 'pinned');
    assert.deepEqual(await state(page), before);
    await at(page, 'way-0').selectOption('posted');
    assert.match(await at(page, 'compare-refusal').innerText(), /"Offloaded" is listed twice/);
    // In the era that has it, it is there.
    await at(page, 'era-0').selectOption('2026');
    await becomes(page, ['pinned@2026', 'posted']);
    assert.equal(await at(page, 'compare-refusal').count(), 0);
    await at(page, 'way-0').selectOption('apic-timer-virtualization');
    await becomes(page, ['apic-timer-virtualization@2026', 'posted']);
  }));

test('one path in two eras, with the keyboard alone, and by a link', () =>
  visit(FIRST, async ({ page, url, browser }) => {
    await tabTo(page, '[data-testid=compare] > summary');
    await page.keyboard.press('Enter');
    await tabTo(page, 'era-1');
    // The arrows of a select go through eras one by one.
    for (const era of ['pre-4.3', '4.3', '4.7']) {
      await page.keyboard.press('ArrowDown');
      await becomes(page, ['pinned', `posted@${era}`]);
    }
    await tabTo(page, 'way-0');
    await page.keyboard.press('ArrowDown');
    await becomes(page, ['posted', 'posted@4.7']);
    assert.deepEqual(await answers(page, 'firing'), { posted: 'no exit', 'posted@4.7': 'EXTERNAL_INTERRUPT' });
    assert.match(await page.locator('.stage-card h2').last().innerText(), /Offloaded, era 4\.7/);
    await sameLedgerAsTheCommandLine(page);
    const [before, link] = [await state(page), await fragment(page)];
    const other = await (await browser.newContext()).newPage();
    await other.goto(url + link);
    await ready(other);
    // What the panel holds is there once it is opened.
    await open(other);
    await at(other, 'era-1').waitFor();
    assert.deepEqual(await state(other), before);
    await other.context().close();
  }));

test('aligned by expiry, and by step', () =>
  visit(FIRST, async ({ page }) => {
    await open(page);
    const { total } = await state(page);
    await page.locator('label:has([data-testid=align-expiry])').click();
    await until(async () => (await state(page)).time, (time) => /^expiry [+−]/.test(time), 'times count from the expiry');
    await seek(page, 0);
    await press(page, 'next-expiry');
    assert.equal((await state(page)).time, 'expiry +0.000 µs');
    const link = await fragment(page);
    assert.equal(JSON.parse(await exitless('run', link, '--json')).position, await position(page));
    // Both expiries are drawn at one place.
    const fired = await page.evaluate(() =>
      [...document.querySelectorAll('[data-kind=fire] circle')].map((e) => Math.round(e.getBoundingClientRect().x)));
    assert.equal(new Set(fired).size, 1, `expiries stand at ${fired}`);
    await tabTo(page, 'align-expiry');
    await page.keyboard.press('ArrowRight');
    await until(async () => (await state(page)).total, (now) => now < total, 'one beat is one step of each path');
    await seek(page, 5);
    assert.equal(await page.locator('[data-testid=steps-list] .here .at').innerText(), '5');
    await sameLedgerAsTheCommandLine(page);
    await page.reload();
    await ready(page);
    assert.equal(await position(page), 5);
    await open(page);
    assert.ok(await at(page, 'align-step').isChecked());
  }));
