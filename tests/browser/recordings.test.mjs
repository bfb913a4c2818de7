// Recordings: dropped on the page, searched, read, saved; and what leaves of a simulated run.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { FIRST, at, playground, position, press, tabTo, until } from './playground.mjs';

const visit = playground();
const TRACES = new URL('../../crates/kvm-trace/tests/data/traces/', import.meta.url);
const trace = (name) => readFileSync(fileURLToPath(new URL(`${name}.perf-script.txt`, TRACES)));
/** The lab has to be loaded first, and the machine may be busy. */
const PATIENCE = 60_000;

const text = (page, id) => at(page, id).innerText();
const open = (page) => page.locator('[data-testid=recording] > summary').click();

/** Drops bytes on the page as a file. */
async function drop(page, name, bytes) {
  const data = await page.evaluateHandle(
    ([name, base64]) => {
      const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      const transfer = new DataTransfer();
      transfer.items.add(new File([bytes], name));
      return transfer;
    },
    [name, bytes.toString('base64')],
  );
  await page.dispatchEvent('body', 'drop', { dataTransfer: data });
}

const staged = (page) =>
  until(() => page.locator('[data-testid=stage-recorded] svg').count(), (n) => n === 1, 'no recording is on the stage', PATIENCE);

/** The file that a press of a button saves. */
async function saved(page, id) {
  const [download] = await Promise.all([page.waitForEvent('download', { timeout: PATIENCE }), at(page, id).click()]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

test('a recording is dropped, a late tick found, its cause read, its card saved', () =>
  visit(FIRST, async ({ page }) => {
    await drop(page, 'halt.txt', trace('deadline-halt'));
    await staged(page);
    const about = await text(page, 'recording-about');
    assert.match(about, /halt\.txt.*8680 lines.*400 ticks.*It stays on this machine/s);
    await at(page, 'query').fill('late > 50us');
    await page.keyboard.press('Enter');
    await until(() => text(page, 'ticks-found'), (found) => found === '1 tick', 'not one tick', PATIENCE);
    await page.locator('[data-testid=found-ticks] button').first().click();
    await until(() => text(page, 'sentence'), (s) => s.startsWith('The timer expired'), 'another step', PATIENCE);
    assert.match(await text(page, 'sentence'), /Observed, line \d+\./);
    assert.match(await text(page, 'recorded-cause'), /found expired 61\.9 µs after its time.*its vCPU slept/s);
    const card = await saved(page, 'save-recorded-card');
    assert.match(card.name, /^exitless-halt-txt-tick-\d+-card\.md$/);
    const words = card.bytes.toString();
    for (const part of ['# Where did tick', '61.9 µs', 'data:image/svg+xml', 'expiry to accept', 'model: Exitless']) {
      assert.ok(words.includes(part), part);
    }
  }));

test('the transport moves it, by keys too, and the run comes back', () =>
  visit(FIRST, async ({ page }) => {
    const before = await position(page);
    await open(page);
    await at(page, 'open-recording').setInputFiles({ name: 'busy.txt.gz', mimeType: 'application/gzip', buffer: gzipSync(trace('deadline-busy')) });
    await staged(page);
    const first = await position(page);
    await press(page, 'step');
    await until(() => position(page), (now) => now === first + 1, 'it did not step', PATIENCE);
    await page.locator('#stages').focus();
    await page.keyboard.press('Shift+ArrowRight');
    await until(() => text(page, 'sentence'), (s) => s.startsWith('The timer expired'), 'not at an expiry', PATIENCE);
    const marks = page.locator('[data-testid=stage-recorded] [data-provenance]');
    assert.ok((await marks.count()) > 2);
    assert.equal(await page.locator('[data-provenance=simulated]').count(), 0);
    await at(page, 'close-recording').click();
    assert.equal(await position(page), before);
  }));

test('what is no recording is refused in words', () =>
  visit(FIRST, async ({ page }) => {
    for (const [bytes, says] of [
      [Buffer.from('PERFILE2\0\0'), /is not text.*perf script/],
      [Buffer.from('hello\n'), /not a line of a recording/],
      [Buffer.from('bash 7 [001] 2.000030: sched:sched_waking: comm=x pid=1\n'), /none of KVM.*perf record/],
      [gzipSync(trace('deadline-busy')).subarray(0, 5_000), /gzip/],
    ]) {
      await drop(page, 'x', bytes);
      await until(() => page.locator('[data-testid=recording-failure]').allInnerTexts(), ([t]) => says.test(t ?? ''), `not ${says}`, PATIENCE);
    }
    // A text that is pasted is read as well; a query that is none names what is valid.
    await page.locator('summary', { hasText: 'Paste a recording' }).click();
    await at(page, 'pasted').fill(trace('deadline-busy').toString().split('\n').slice(0, 400).join('\n'));
    await at(page, 'read-pasted').click();
    await staged(page);
    await at(page, 'query').fill('late');
    await at(page, 'find-ticks').click();
    await until(() => page.locator('[data-testid=query-refusal]').allInnerTexts(), ([t]) => /late > 50us/.test(t ?? ''), 'no refusal', PATIENCE);
  }));

test('a moment of a run leaves in every form, with a name that says what it is', () =>
  visit(FIRST, async ({ page }) => {
    await tabTo(page, '[data-testid=export] > summary');
    await page.keyboard.press('Enter');
    for (const [id, name, begins] of [
      ['save-card', /card\.md$/, '# '],
      ['save-svg', /figure\.svg$/, '<svg xmlns='],
      ['save-png', /figure\.png$/, '\x89PNG'],
      ['save-txt', /mail\.txt$/, ''],
      ['save-md', /narration\.md$/, '# '],
      ['save-csv', /events\.csv$/, 'row,path,'],
      ['save-perfetto', /perfetto\.json$/, '{'],
      ['save-vcd', /signals\.vcd$/, '$'],
    ]) {
      const file = await saved(page, id);
      assert.match(file.name, name);
      assert.ok(file.bytes.toString('latin1').startsWith(begins) && file.bytes.length > 300, `${id}: ${file.bytes.subarray(0, 40)}`);
    }
    assert.match(await text(page, 'saved'), /^Saved exitless-/);
  }));
