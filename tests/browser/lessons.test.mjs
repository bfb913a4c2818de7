// Lessons: every one is finished by keyboard alone, with right answers and with wrong ones, and nothing of the future is
// seen before the answer.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { describe, test } from 'node:test';

import { cli, root } from './helpers.mjs';
import { at, playground, position, ready, seek, state, tabTo, until } from './playground.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const FOLDER = path.join(root, 'static/lessons');
const FILES = readdirSync(FOLDER).filter((file) => /^\d/.test(file)).sort();
const LESSONS = JSON.parse(execFileSync(cli, ['lesson', 'check', '--json', ...FILES.map((file) => path.join(FOLDER, file))]));

const visit = playground();

/** Waits for a part of the lesson. */
const part = (page, number) => page.locator(`[data-testid=lesson][data-part="${number}"]`).waitFor();

/** Presses a control by keyboard alone. */
async function strike(page, testid, key = 'Enter') {
  await tabTo(page, testid);
  await page.keyboard.press(key);
}

/** What axe finds. */
async function violations(page) {
  await page.evaluate(`${AXE}; undefined`);
  const { violations: found } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  return found.map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 150)}`);
}

/** Chooses one of several radio buttons by keyboard: Tab goes to the group, arrows within it. */
async function radio(page, first, index) {
  await strike(page, first, 'Space');
  for (let i = 0; i < index; i++) await page.keyboard.press('ArrowDown');
}

/** Marks an answer by keyboard: the right one, or another. */
async function mark(page, answer, right) {
  if (answer.Choice) {
    const { right: index, choices } = answer.Choice;
    await radio(page, 'choice-0', right ? index : (index + 1) % choices.length);
  } else if (answer.Core) {
    const { right: core, cores } = answer.Core;
    await radio(page, 'answer-core-0', right ? core : (core + 1) % cores);
  } else if (answer.Number) {
    const { over, under } = answer.Number.right;
    await tabTo(page, 'answer-number');
    await page.keyboard.type(String(over / under + (right ? 0 : 1)));
  } else {
    // From the top left, 0xf0: down and to the right.
    await tabTo(page, 'cell-f0');
    const vector = answer.Cell.right;
    for (let row = 15; row > vector >> 4; row--) await page.keyboard.press('ArrowDown');
    for (let column = right ? 0 : 1; column < (vector & 15); column++) await page.keyboard.press('ArrowRight');
  }
}

const words = ({ Choice, Core, Number: number, Cell }) => {
  if (Choice) return Choice.choices[Choice.right].says;
  if (Core) return `core ${Core.right}`;
  if (number) return `${number.right.over / number.right.under} ${number.of}`;
  return `PIR[0x${Cell.right.toString(16)}]`;
};

async function predict(page, { answer }, right) {
  const before = await state(page);
  // The future is not to be had: not by a step, not by the end, not by the list.
  const held = before.position;
  await page.evaluate(() => document.activeElement?.blur());
  for (const key of ['ArrowRight', 'End', 'Shift+ArrowRight']) await page.keyboard.press(key);
  assert.equal(await position(page), held);
  assert.equal(await page.locator('#stages .future').evaluateAll((all) => all.filter((e) => e.checkVisibility({ visibilityProperty: true })).length), 0);
  assert.equal(await at(page, 'steps-list').isVisible(), false);
  await strike(page, 'answer');
  await at(page, 'answer-refusal').waitFor();
  await mark(page, answer, right);
  await strike(page, 'answer');
  await at(page, 'outcome').waitFor();
  assert.equal(await at(page, 'outcome').getAttribute('data-right'), String(right));
  // The guess stays beside what the model says.
  assert.equal(await at(page, 'model-says').innerText(), words(answer));
  assert.equal((await at(page, 'you-said').innerText()).startsWith(words(answer)), right);
  assert.ok((await position(page)) > held, 'the moment that shows it');
  assert.equal(await at(page, 'steps-list').isVisible(), true);
}

async function go(page, lesson, right) {
  for (const [i, { task }] of lesson.parts.entries()) {
    await part(page, i + 1);
    assert.deepEqual(await violations(page), [], `part ${i + 1}`);
    if (task.Watch) {
      for (let stop = 1; stop < task.Watch.stops.length; stop++) {
        const before = await position(page);
        await strike(page, 'moment-on');
        await until(() => position(page), (now) => now !== before, 'the moment is another one');
      }
    } else if (task.Predict) {
      await predict(page, task.Predict, right);
      assert.deepEqual(await violations(page), [], `the outcome of part ${i + 1}`);
    } else {
      assert.match(await at(page, 'goal-state').innerText(), /figures follow/);
      await strike(page, 'hint');
      await strike(page, 'solution');
      await until(() => at(page, 'goal-state').innerText(), (text) => text === 'The goal is met.', 'the goal');
      const met = await page.locator('[data-testid=goals] [data-met]').evaluateAll((all) => all.map((e) => e.dataset.met));
      assert.ok(met.length > 0 && met.every((value) => value === 'true'), met.join());
    }
    if (i + 1 < lesson.parts.length) await strike(page, 'next-part');
  }
}

describe('every lesson is finished by keyboard alone, and axe finds nothing in it', () => {
  for (const lesson of LESSONS) {
    test(`${lesson.title}, with right answers`, () => visit(`#lesson/${lesson.name}`, ({ page }) => go(page, lesson, true), { viewport: { width: 1280, height: 900 } }));
    test(`${lesson.title}, with wrong answers, narrow and dark`, () =>
      visit(`#lesson/${lesson.name}`, ({ page }) => go(page, lesson, false), { viewport: { width: 390, height: 844 }, colorScheme: 'dark' }));
  }
});

test('lessons are found from the page, remembered, and left', () =>
  visit('', async ({ page }) => {
    await strike(page, 'lessons');
    await at(page, 'lesson-list').waitFor();
    assert.equal(await page.locator('[data-testid=lesson-list] li').count(), LESSONS.length);
    await strike(page, 'lesson-the-parts');
    await part(page, 1);
    assert.equal(new URL(page.url()).hash, '#lesson/the-parts/1');
    await strike(page, 'part-2');
    await part(page, 2);
    await strike(page, 'pass-over');
    await at(page, 'outcome').waitFor();
    assert.match(await at(page, 'outcome').innerText(), /You passed the question over/);
    await page.goBack();
    await part(page, 1);
    await page.reload();
    await ready(page);
    await part(page, 1);
    await strike(page, 'lessons');
    assert.match(await page.locator('[data-testid=lesson-list] li').first().innerText(), /1 of 3 parts done/);
    await strike(page, 'leave-lesson');
    await until(() => at(page, 'lesson').count(), (count) => count === 0, 'the lesson is left');
    assert.doesNotMatch(page.url(), /lesson/);
  }));

test('a goal is met by hand on the page, without the solution', () =>
  visit('#lesson/the-parts/3', async ({ page }) => {
    await part(page, 3);
    await at(page, 'load-0').selectOption({ index: 1 });
    await until(() => at(page, 'goal-state').innerText(), (text) => text === 'The goal is met.', 'the goal');
    await at(page, 'again').click();
    await until(() => page.locator('[data-testid=goals] [data-met=false]').count(), (count) => count > 0, 'again');
  }));

test('what is wrong is said at the field or in words, and the run stays', () =>
  visit('#lesson/one-tick-pinned/2', async ({ page }) => {
    await part(page, 2);
    await at(page, 'answer-number').fill('two');
    assert.match(await at(page, 'answer-refusal').innerText(), /such as 2 or 1.5/);
    const before = await state(page);
    // A file that is not one: a missing one is told the same way, and the browser's console would say so too.
    await page.route('**/no-such-lesson.bin*', (route) => route.fulfill({ body: 'no lesson' }));
    await page.evaluate(() => { location.hash = '#lesson/no-such-lesson'; });
    await at(page, 'lesson-failure').waitFor();
    assert.match(await at(page, 'lesson-failure').innerText(), /no-such-lesson.*could not be loaded/);
    assert.equal((await state(page)).sentence, before.sentence);
  }));

test('an answered question does not hold the run', () =>
  visit('#lesson/the-parts/2', async ({ page }) => {
    await part(page, 2);
    await at(page, 'pass-over').click();
    await at(page, 'outcome').waitFor();
    const { total } = await state(page);
    await seek(page, total);
    assert.equal(await position(page), total);
  }));
