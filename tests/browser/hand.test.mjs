// Playing by hand: any enabled step is picked, the future that was stays as a branch, and everything can be taken back.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FIRST, at, fragment, playground, position, press, ready, sameLedgerAsTheCommandLine, seek, state, tabTo, until } from './playground.mjs';

const visit = playground();

const offers = (page, path = 'posted') =>
  page.locator(`[data-testid="offers-${path}"] button`).evaluateAll((all) => all.map((e) => ({ ...e.dataset, due: e.classList.contains('due') })));
const said = (page, words) => until(() => at(page, 'announce').innerText(), (text) => words.test(text), `never announced ${words}`);
const branches = (page) => page.locator('[data-testid=branches] button').allInnerTexts();

test('every step that can be taken is offered, and the one that is due is a step', () =>
  visit(FIRST, async ({ page }) => {
    assert.equal(await page.locator('.offer').count(), 0, 'not unless asked for');
    await at(page, 'hand').click();
    await said(page, /By hand: \d+ steps can be taken now/);
    for (const path of ['pinned', 'posted']) {
      const all = await offers(page, path);
      assert.ok(all.length > 1 && all.filter(({ due }) => due).length === 1, JSON.stringify(all));
    }
    const before = await position(page);
    await page.locator('[data-testid="offers-posted"] .due').click();
    await until(() => position(page), (now) => now > before, 'no step');
    assert.equal(await at(page, 'branches').count(), 0, 'what happens anyway opens no branch');
    await seek(page, (await state(page)).total);
    assert.deepEqual(await offers(page), []);
    await at(page, 'hand').click();
    assert.equal(await page.locator('.offer').count(), 0);
  }));

test('another step opens a branch, both futures stay, and the link carries the choice', () =>
  visit(FIRST, async ({ page, url, browser }) => {
    await at(page, 'hand').click();
    const start = await state(page);
    const other = (await offers(page)).find(({ due }) => !due);
    await page.locator(`[data-testid="offers-posted"] [data-actor="${other.actor}"]`).click();
    await until(() => branches(page), ({ length }) => length === 2, 'no branch');
    const there = await state(page);
    assert.notEqual(there.total, 0);
    assert.notDeepEqual(there.marks.posted, start.marks.posted);
    assert.deepEqual(there.ledger.pinned.handlers, start.ledger.pinned.handlers);
    await sameLedgerAsTheCommandLine(page);
    const link = await fragment(page);
    // The other future, and back.
    await at(page, 'branch-0').click();
    await until(() => at(page, 'branch-0').getAttribute('aria-current'), Boolean, 'not shown');
    const again = await state(page);
    assert.deepEqual([again.position, again.marks, again.ledger], [start.position, start.marks, start.ledger]);
    await at(page, 'branch-1').click();
    await until(async () => (await state(page)).sentence, (now) => now === there.sentence, 'the branch is not what it was');
    await at(page, 'branch-name').fill('too early');
    await at(page, 'branch-name').press('Enter');
    await until(() => branches(page), (names) => names[1] === 'too early', 'no name');
    const pasted = await (await browser.newContext()).newPage();
    await pasted.goto(url + link);
    await ready(pasted);
    assert.deepEqual((await state(pasted)).ledger, there.ledger);
    assert.equal((await state(pasted)).sentence, there.sentence);
    await pasted.context().close();
  }));

test('with the keyboard alone: by hand, pick, undo, redo', () =>
  visit(FIRST, async ({ page }) => {
    const start = await state(page);
    await page.keyboard.press('h');
    await tabTo(page, '[data-testid="offers-posted"] .offer:not(.due)');
    await page.keyboard.press('Enter');
    await until(() => branches(page), ({ length }) => length === 2, 'no branch');
    // Whoever picks goes on picking where the last offers were.
    await until(() => page.evaluate(() => Boolean(document.activeElement.closest('.offers'))), Boolean, 'the focus is lost');
    const picked = await state(page);
    await page.keyboard.press('Control+z');
    await until(() => at(page, 'branches').count(), (n) => n === 0, 'not undone');
    assert.deepEqual((await state(page)).ledger, start.ledger);
    assert.match(await page.locator('.transport .hint').innerText(), /Undone: a step by hand/);
    await page.keyboard.press('Control+Shift+Z');
    await until(() => branches(page), ({ length }) => length === 2, 'not made again');
    const again = await state(page);
    assert.deepEqual([again.sentence, again.ledger, again.marks], [picked.sentence, picked.ledger, picked.marks]);
  }));

test('edits of placement and of what is compared are taken back one by one', () =>
  visit(FIRST, async ({ page }) => {
    assert.ok(await at(page, 'undo').isDisabled());
    const links = [await fragment(page)];
    await at(page, 'seat-0').selectOption('2');
    await until(() => at(page, 'undo').isEnabled(), Boolean, 'nothing to undo');
    links.push(await fragment(page));
    await page.locator('[data-testid=compare] > summary').click();
    await at(page, 'add-way').click();
    await until(() => page.locator('.stage-card').count(), (n) => n === 3, 'no third');
    links.push(await fragment(page));
    await at(page, 'preset').selectOption('idle-housekeeper');
    await until(() => at(page, 'preset').inputValue(), (name) => name === 'idle-housekeeper', 'no preset');
    for (const link of [links[2], links[1], links[0]]) {
      await at(page, 'undo').click();
      await until(() => page.evaluate(() => location.hash), (hash) => hash === link, `not back at ${link}`);
    }
    assert.ok(await at(page, 'undo').isDisabled());
    await at(page, 'redo').click();
    await until(() => page.evaluate(() => location.hash), (hash) => hash === links[1], 'not made again');
  }));

test('a fork without a choice is a branch from here', () =>
  visit(FIRST, async ({ page }) => {
    await seek(page, 30);
    await at(page, 'fork').click();
    await until(() => branches(page), ({ length }) => length === 2, 'no branch');
    assert.match(await at(page, 'branches').innerText(), /Branch 1\s*from step 30 of By the clock/);
    await press(page, 'step');
    await at(page, 'branch-0').click();
    await until(() => position(page), (now) => now === 30, 'each branch is where it was left');
  }));
