// Breakpoints, steps on one core, and the search in the list: by pointer and by keyboard.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FIRST, at, moves, playground, position, press, seek, state, tabTo, until } from './playground.mjs';

const visit = playground();

async function stopAt(page, condition) {
  await at(page, 'breakpoint').fill(condition);
  await at(page, 'breakpoint').press('Enter');
}
const refusal = (page, id = 'breakpoint-refusal') => at(page, id).innerText();

test('a run goes on to a breakpoint and back, and playing stops there', () =>
  visit(FIRST, async ({ page }) => {
    assert.ok(await at(page, 'run-on').isDisabled());
    await press(page, 'to-start');
    await stopAt(page, 'ON becomes 1 and core 0');
    await until(() => at(page, 'run-on').isEnabled(), Boolean, 'no breakpoint');
    const stops = [];
    for (let i = 0; i < 3; i++) {
      stops.push(await press(page, 'run-on'));
      const now = await state(page);
      assert.deepEqual([now.rule, now.pi.posted.on], ['C8b', '1']);
    }
    assert.equal(await press(page, 'run-back'), stops[1]);
    // With keys, from anywhere on the page.
    await page.locator('body').click({ position: { x: 5, y: 5 } });
    assert.equal(await moves(page, () => page.keyboard.press('b')), stops[2]);
    assert.equal(await moves(page, () => page.keyboard.press('B')), stops[1]);
    await seek(page, stops[0] - 2);
    await at(page, 'speed').selectOption({ label: '30/s' });
    await at(page, 'play').click();
    await until(() => at(page, 'play').getAttribute('aria-pressed'), (pressed) => pressed === 'false', 'plays on');
    assert.equal(await position(page), stops[0]);
    // Off, it is no stop; removed, it is gone.
    await at(page, 'break-0').click();
    await until(() => at(page, 'run-on').isDisabled(), Boolean, 'still on');
    await at(page, 'unbreak-0').click();
    await until(() => page.locator('[data-testid=breakpoints] li').count(), (n) => n === 0, 'still there');
  }));

test('a condition that cannot be read is told at its field, and nothing changes', () =>
  visit(FIRST, async ({ page }) => {
    const before = await state(page);
    for (const [typed, told] of [
      ['ON becoms 1', /“becoms” cannot be read here\. Nearest: becomes\./],
      ['exit reason MSRWRITE', /Nearest: MSR_WRITE\. Valid: EXTERNAL_INTERRUPT,/],
      ['latency > 5 lightyears', /“lightyears”.*Valid: ns, µs \(or us\) or ms/],
      ['', /“the end” cannot be read here\. Valid: exit/],
      ['<img src=x>', /“</],
    ]) {
      await stopAt(page, typed);
      await until(() => refusal(page), (text) => told.test(text), `never told of ${typed}`);
      assert.equal(await at(page, 'breakpoint').inputValue(), typed);
      assert.equal(await at(page, 'breakpoint').getAttribute('aria-invalid'), 'true');
    }
    const after = await state(page);
    assert.deepEqual([after.position, after.marks, after.ledger], [before.position, before.marks, before.ledger]);
    await stopAt(page, 'latency > 100 ns');
    await until(() => at(page, 'breakpoint-refusal').count(), (n) => n === 0, 'still refused');
    await press(page, 'to-start');
    await press(page, 'run-on');
    assert.ok(['C13', 'P8'].includes((await state(page)).rule));
  }));

test('steps on one core, with the keyboard', () =>
  visit(FIRST, async ({ page }) => {
    await press(page, 'to-start');
    await tabTo(page, 'step-core');
    await page.keyboard.press('Home');
    await tabTo(page, 'core-next');
    const stops = [];
    for (let i = 0; i < 3; i++) {
      stops.push(await moves(page, () => page.keyboard.press('Enter')));
      assert.match((await state(page)).sentence, /[Cc]ore 0|housekeeper/);
    }
    await tabTo(page, 'core-back', 'Shift+Tab');
    assert.equal(await moves(page, () => page.keyboard.press('Enter')), stops[1]);
  }));

test('the list shows what is looked for, and goes there', () =>
  visit(FIRST, async ({ page }) => {
    const rows = () => page.locator('[data-testid=steps-list] li').evaluateAll((all) => all.map((e) => e.dataset.rule));
    await tabTo(page, 'filter');
    await page.keyboard.type('send the notification');
    await until(() => rows(), (all) => all.length > 0 && all.every((rule) => rule === 'C9'), 'not only C9');
    assert.match(await at(page, 'found').innerText(), new RegExp(`^${(await rows()).length} found$`));
    await tabTo(page, 'steps-list');
    const to = await moves(page, () => page.keyboard.press('ArrowDown'));
    assert.equal((await state(page)).rule, 'C9');
    assert.equal((await state(page)).here, String(to - 1));
    await page.locator('[data-testid=steps-list] li').first().click();
    await until(async () => (await state(page)).rule, (rule) => rule === 'C9', 'not there');
    await at(page, 'filter').fill('ON becomes 1');
    await until(() => rows(), (all) => all.includes('C8b') && all.every((rule) => ['C8b', 'P5d'].includes(rule)), 'not by condition');
    await at(page, 'filter').fill('nowhere at all');
    assert.match(await refusal(page, 'filter-refusal'), /No step is called “nowhere at all”.*Valid: exit/);
    await at(page, 'filter').fill('');
    await until(() => at(page, 'filter-refusal').count(), (n) => n === 0, 'still refused');
    assert.equal(await at(page, 'found').innerText(), '');
  }));
