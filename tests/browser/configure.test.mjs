// Turning knobs, rules and costs, shaping the host, keeping a scenario to compare with, and finding it all again at the next
// visit; by pointer, and by keyboard alone.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FIRST, at, fragment, playground, ready, sameLedgerAsTheCommandLine, state, tabTo, until } from './playground.mjs';

const visit = playground();

const open = async (page, group) => {
  if (!(await page.locator('[data-testid=knobs]').evaluate((e) => e.open))) {
    await page.locator('[data-testid=knobs] > summary').click();
  }
  await page.locator(`[data-group="${group}"] > summary`).click();
};
const knob = (page, key) => at(page, `knob-${key}`);
const row = (page, key) => page.locator(`[data-knob="${key}"]`);
const type = async (page, id, value) => {
  await at(page, id).fill(value);
  await at(page, id).press('Tab');
};
const compared = (page) => page.locator('.stage-card').evaluateAll((all) => all.map((e) => e.dataset.path));
const run = (page) => state(page).then(({ ledger, total }) => JSON.stringify({ ledger, total }));

test('a knob makes a new run, is marked, and is reset alone or with its group', () =>
  visit(FIRST, async ({ page }) => {
    await open(page, 'Guest');
    const before = await run(page);
    assert.match(await row(page, 'guest.period_us').innerText(), /From one tick of the guest to the next/);
    await type(page, 'knob-guest.period_us', '250');
    await until(() => run(page), (now) => now !== before, 'the run is the same');
    assert.match(await row(page, 'guest.period_us').innerText(), /changed, was 1000/);
    await sameLedgerAsTheCommandLine(page);
    await knob(page, 'guest.timer').selectOption('periodic');
    await until(() => row(page, 'guest.timer').getAttribute('data-changed'), (now) => now === 'true', 'not marked');
    await page.getByRole('button', { name: 'Reset guest.timer' }).click();
    await until(() => knob(page, 'guest.timer').inputValue(), (now) => now === 'tsc-deadline', 'not reset');
    assert.equal(await knob(page, 'guest.period_us').inputValue(), '250', 'the other one stays');
    await page.getByRole('button', { name: 'Reset Guest', exact: true }).click();
    await until(() => run(page), (now) => now === before, 'the group is not as it was');
    // Each of these was a change that can be taken back.
    await at(page, 'undo').click();
    await until(() => knob(page, 'guest.period_us').inputValue(), (now) => now === '250', 'undo');
    await at(page, 'redo').click();
    await until(() => run(page), (now) => now === before, 'redo');
  }));

test('what is no valid value is told at its field, with the nearest that is, and nothing else changes', () =>
  visit(FIRST, async ({ page }) => {
    await open(page, 'Guest');
    await open(page, 'Topology');
    const before = await state(page);
    const refusals = [
      ['guest.period_us', '0', /too small\. Valid: 1 to 3600000000/, '1'],
      ['guest.period_us', 'often', /no number/, '1000'],
      ['guest.handler_ns', '2.5', /no whole number/, '3'],
      ['guest.vector', '0x0', /Valid: 0x10 to 0xff/, '0x10'],
      ['host.topology.cores', '2', /no CPU 3/, null],
    ];
    for (const [key, typed, why, nearest] of refusals) {
      await type(page, `knob-${key}`, typed);
      const told = row(page, key).getByTestId('knob-refusal');
      await told.waitFor();
      assert.match(await told.innerText(), why, key);
      assert.equal(await knob(page, key).getAttribute('aria-invalid'), 'true');
      assert.equal(await knob(page, key).inputValue(), typed, 'what was typed can be mended');
      assert.equal(await page.getByTestId('knob-refusal').count(), 1, 'one at a time');
      const offered = row(page, key).getByTestId('use-nearest');
      if (nearest === null) assert.equal(await offered.count(), 0);
      else assert.equal(await offered.innerText(), `Use ${nearest}`);
      const { ledger, total, position } = await state(page);
      assert.deepEqual({ ledger, total, position }, { ledger: before.ledger, total: before.total, position: before.position });
    }
    await type(page, 'knob-guest.handler_ns', '-7');
    await row(page, 'guest.handler_ns').getByTestId('use-nearest').click();
    await until(() => knob(page, 'guest.handler_ns').inputValue(), (now) => now === '0', 'the nearest is not taken');
    assert.equal(await page.getByTestId('knob-refusal').count(), 0);
  }));

test('all rules of the kernel can be mixed, and are found by word and commit', () =>
  visit(FIRST, async ({ page }) => {
    await open(page, 'Rules of the kernel');
    const rules = page.locator('[data-rule-switch]');
    assert.equal(await rules.count(), 35);
    await at(page, 'rules-search').fill('61abdbe0bcc2');
    await until(() => rules.count(), (n) => n === 1, 'not found by its commit');
    const before = await run(page);
    await at(page, 'rule-pinned').check();
    await until(() => run(page), (now) => now !== before, 'the run is the same');
    assert.match(await rules.innerText(), /not in this era/);
    // Pinned timers stay: what is configured cannot be, and says so.
    assert.match(await at(page, 'unused').innerText(), /no expiry is ever posted.*pins the timer/s);
    await sameLedgerAsTheCommandLine(page);
    await at(page, 'rule-pinned').uncheck();
    await until(() => run(page), (now) => now === before, 'not as it was');
    assert.equal(await at(page, 'unused').count(), 0);
  }));

test('posting that can never be says why, live', () =>
  visit(FIRST, async ({ page }) => {
    assert.equal(await at(page, 'unused').count(), 0);
    const says = (why) => until(() => at(page, 'unused').allInnerTexts(), (all) => why.test(all.join()), `never says ${why}`);
    await at(page, 'load-0').selectOption('idle');
    await says(/Every housekeeper is idle.*R3/s);
    await open(page, 'Kernel and VM');
    await knob(page, 'vm.apicv').selectOption('false');
    await says(/APICv is off/);
    await knob(page, 'vm.hlt_in_guest').selectOption('false');
    await says(/HLT and MWAIT both exit/);
    await knob(page, 'vm.era').selectOption('4.7');
    await says(/era 4\.7 has no posting/);
    await page.getByRole('button', { name: 'Reset Kernel and VM' }).click();
    await at(page, 'load-0').selectOption('busy');
    await until(() => at(page, 'unused').count(), (n) => n === 0, 'still something is said');
  }));

test('a cost of one’s own stands in place of the set’s', () =>
  visit(FIRST, async ({ page }) => {
    await open(page, 'Costs');
    const flight = page.locator('[data-cost="14"]');
    assert.match(await flight.innerText(), /IPI from ICR write.*assumed/s);
    // What the IPI takes shows in no ledger: the link tells that it is another run.
    const before = await fragment(page);
    await type(page, 'cost-14-least', '90000');
    await until(() => fragment(page), (now) => now !== before, 'the run is the same');
    assert.match(await flight.innerText(), /own value: the set says 200–400 ns/);
    await sameLedgerAsTheCommandLine(page);
    await type(page, 'cost-14-most', 'dear');
    assert.match(await flight.getByTestId('knob-refusal').innerText(), /no number/);
    await flight.getByRole('button', { name: /^Reset/ }).click();
    await until(() => fragment(page), (now) => now === before, 'not as it was');
    await knob(page, 'costs.set').selectOption('zen');
    await until(() => flight.innerText(), (text) => /no source: that of skylake stands in/.test(text), 'another set');
  }));

test('hosts of other shapes, vCPUs that come and go, and 128 cores', () =>
  visit(FIRST, async ({ page }) => {
    await at(page, 'add-vcpu').click();
    await at(page, 'seat-1').waitFor();
    await at(page, 'host').selectOption({ label: '2 cores' });
    assert.match(await at(page, 'refusal').innerText(), /1 isolated cores, and there are 2 vCPUs/);
    await at(page, 'remove-vcpu-0').click();
    await until(() => at(page, 'seat-1').count(), (n) => n === 0, 'one vCPU is left');
    await at(page, 'remove-vcpu-0').click();
    assert.match(await at(page, 'refusal').innerText(), /there is no vCPU/);
    await at(page, 'host').selectOption({ label: '4 cores, two threads each' });
    await page.getByRole('group', { name: 'Core 3, 2 threads' }).waitFor();
    await at(page, 'host').selectOption({ label: '2 sockets × 4 caches × 16 cores' });
    await until(() => page.locator('.board [data-cpu]').count(), (n) => n === 128, '128 cores');
    await at(page, 'pick-seat').selectOption('77');
    await page.locator('[data-cpu="77"] [data-token=vcpu-0]').waitFor();
    await page.locator('.board [data-cpu="70"]').click();
    await at(page, 'pick-role').selectOption('busy');
    await page.locator('.board [data-cpu="70"].keeps').waitFor();
    await at(page, 'pick-seat').selectOption('70');
    assert.match(await at(page, 'refusal').innerText(), /is a housekeeper with a load of its own/);
    // By keyboard: down is the next cache.
    await page.locator('[data-token=vcpu-0]').focus();
    for (const key of ['Enter', 'ArrowDown', 'ArrowRight', 'Enter']) await page.keyboard.press(key);
    await page.locator('[data-cpu="94"] [data-token=vcpu-0]').waitFor();
    await sameLedgerAsTheCommandLine(page);
  }));

test('a scenario is kept, and compared with what it becomes; a link carries both', () =>
  visit(FIRST, async ({ page, url, browser }) => {
    await page.locator('[data-testid=compare] > summary').click();
    await at(page, 'keep').click();
    await until(() => compared(page), (now) => now.join() === 'pinned,posted,pinned@kept,posted@kept', 'not kept');
    for (const i of [2, 0]) await at(page, `drop-${i}`).click();
    await until(() => compared(page), (now) => now.join() === 'posted,posted@kept', 'two are left');
    await open(page, 'Kernel and VM');
    await knob(page, 'vm.apicv').selectOption('false');
    await until(() => at(page, 'kept').innerText(), (text) => text.includes('vm.apicv = true'), 'the difference is not told');
    const exits = async () => Object.entries((await state(page)).ledger).map(([path, l]) => [path, l.exits_firing]);
    await at(page, 'end').click().catch(() => page.keyboard.press('End'));
    const [[, edited], [, kept]] = await exits();
    assert.ok(edited > kept, `${edited} exits without APICv, ${kept} with`);
    await sameLedgerAsTheCommandLine(page);
    const [before, link] = [await state(page), await fragment(page)];
    assert.match(link, /^#v4\./);
    const other = await (await browser.newContext()).newPage();
    await other.goto(url + link);
    await ready(other);
    assert.deepEqual((await state(other)).ledger, before.ledger);
    await other.context().close();
    await at(page, 'swap').click();
    await until(() => compared(page), (now) => now.join() === 'posted@kept,posted', 'not swapped');
    await at(page, 'forget').click();
    await until(() => compared(page), (now) => now.join() === 'posted', 'still kept');
    await at(page, 'undo').click();
    await until(() => compared(page), ({ length }) => length === 2, 'undo brings it back');
  }));

test('the next visit finds the last work, starting over can be undone, and a link wins', () =>
  visit(FIRST, async ({ page, url }) => {
    await at(page, 'load-0').selectOption('idle');
    const link = await fragment(page);
    await page.goto('about:blank');
    await page.goto(url);
    await ready(page);
    assert.equal(await at(page, 'load-0').inputValue(), 'idle');
    assert.equal(await fragment(page), link);
    await at(page, 'start-over').click();
    await until(() => at(page, 'load-0').inputValue(), (now) => now === 'busy', 'not started over');
    await at(page, 'undo').click();
    await until(() => at(page, 'load-0').inputValue(), (now) => now === 'idle', 'start over is not undone');
    await page.goto('about:blank');
    await page.goto(`${url}#seed-2019`);
    await ready(page);
    assert.equal(await at(page, 'preset').inputValue(), 'seed-2019');
  }));

const refuse = () => Object.defineProperty(window, 'localStorage', { get: () => { throw new DOMException('no', 'SecurityError'); } });

test('where storage is refused, everything works but the memory', () =>
  visit('', async ({ page, url }) => {
    await at(page, 'load-0').selectOption('idle');
    await fragment(page);
    await page.goto('about:blank');
    await page.goto(url);
    await ready(page);
    assert.equal(await at(page, 'load-0').inputValue(), 'busy');
  }, { init: refuse }));

test('knobs by keyboard alone', () =>
  visit(FIRST, async ({ page }) => {
    const press = (key) => page.keyboard.press(key);
    await tabTo(page, '[data-testid=knobs] > summary');
    await press('Enter');
    await tabTo(page, '[data-group="Guest"] > summary');
    await press('Enter');
    await tabTo(page, '[data-testid="knob-guest.period_us"]');
    await page.keyboard.type('0');
    await press('Control+a');
    await page.keyboard.type('nothing');
    await press('Enter');
    assert.match(await at(page, 'knob-refusal').innerText(), /no number/);
    await tabTo(page, 'use-nearest');
    await press('Enter');
    await until(() => at(page, 'knob-refusal').count(), (n) => n === 0, 'still refused');
    await tabTo(page, '[data-group="Rules of the kernel"] > summary');
    await press('Enter');
    await tabTo(page, 'rule-kick');
    await press('Space');
    await until(() => page.locator('[data-rule-switch=kick]').getAttribute('data-changed'), (now) => now === 'true', 'not mixed');
    await press('Control+z');
    await until(() => page.locator('[data-rule-switch=kick]').getAttribute('data-changed'), (now) => now === 'false', 'not undone');
  }));
