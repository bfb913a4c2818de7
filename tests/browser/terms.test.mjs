// Definitions: on hover, on focus and by a press; they stay while they are read, go with Escape, and trap nobody.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { dist } from './helpers.mjs';
import { FIRST, at, openAll, playground, press, tabTo, until } from './playground.mjs';

const TERMS = JSON.parse(readFileSync(path.join(dist, 'static/glossary/terms.json'), 'utf8'));
const visit = playground();

const shown = (page) => at(page, 'definition').evaluate((e) => (e.hidden ? null : e.querySelector('.defined').textContent));
const shows = (page, term) => until(() => shown(page), (now) => now === term, `the definition of ${term}`);
const word = (page, term) => page.locator(`aside [data-term="${term}"]`).first();

test('a rule says what it is and where that is written, once its words are asked for', () =>
  visit(FIRST, async ({ page }) => {
    await page.locator('.why summary').click();
    await page.locator('.why').getByText(/Source: .*kvm_vcpu_trigger_posted_interrupt|kvm_vcpu_trigger_posted_interrupt reads/).first().waitFor();
    await press(page, 'back');
    await page.locator('.why .source').getByText('vmx_deliver_posted_interrupt').waitFor();
  }));

test('a definition is asked for only once, when the first one is needed', () =>
  visit(FIRST, async ({ page }) => {
    const asked = [];
    page.on('request', (request) => request.url().includes('glossary') && asked.push(request.url()));
    assert.deepEqual(asked, []);
    for (const term of ['PIR', 'ON', 'PIR']) {
      await word(page, term).hover();
      await shows(page, term);
    }
    assert.equal(asked.length, 2, asked.join());
  }));

test('it comes with the pointer, stays while the pointer is on it, and goes with the pointer or Escape', () =>
  visit(FIRST, async ({ page }) => {
    const definition = at(page, 'definition');
    await word(page, 'NDST').hover();
    await shows(page, 'NDST');
    await definition.getByText(/Source: .*VT-d/).waitFor();
    // Onto it, over the gap between the two.
    const box = await definition.boundingBox();
    await page.mouse.move(box.x + 20, box.y + 20, { steps: 6 });
    await new Promise((resolve) => setTimeout(resolve, 600));
    assert.equal(await shown(page), 'NDST');
    assert.ok(box.x >= 0 && box.x + box.width <= page.viewportSize().width, 'it lies in the window');
    await page.mouse.move(5, 5);
    await shows(page, null);
    await word(page, 'NDST').hover();
    await shows(page, 'NDST');
    await page.keyboard.press('Escape');
    await shows(page, null);
  }));

test('it comes with the focus, is the word’s description, and does not trap', () =>
  visit(FIRST, async ({ page }) => {
    await tabTo(page, 'aside [data-term="ON"]');
    await shows(page, 'ON');
    assert.equal(await word(page, 'ON').getAttribute('aria-describedby'), 'definition');
    assert.equal(await at(page, 'definition').getAttribute('role'), 'tooltip');
    await page.keyboard.press('Tab');
    await shows(page, 'SN');
    assert.equal(await word(page, 'ON').getAttribute('aria-describedby'), null);
    await page.keyboard.press('Escape');
    await shows(page, null);
    assert.equal(await page.evaluate(() => document.activeElement.dataset.term), 'SN', 'the focus stays');
    await page.keyboard.press('Enter');
    await shows(page, 'SN');
    await until(() => at(page, 'announce').innerText(), (text) => text.startsWith('SN: Suppress notification'), 'it is read aloud');
    await page.keyboard.press('Enter');
    await shows(page, null);
  }));

test('a tap shows it, another one elsewhere takes it away', () =>
  visit(FIRST, async ({ page }) => {
    await word(page, 'VIRR').tap();
    await shows(page, 'VIRR');
    await at(page, 'definition').tap();
    await shows(page, 'VIRR');
    await page.locator('.question h1').tap();
    await shows(page, null);
  }, { hasTouch: true, viewport: { width: 390, height: 844 } }));

test('terms in the sentence are words with definitions, and go on with it', () =>
  visit(FIRST, async ({ page }) => {
    const terms = () => at(page, 'sentence').locator('[data-term]').evaluateAll((all) => all.map((e) => e.dataset.term));
    await at(page, 'to-start').click();
    let seen = new Set(await terms());
    for (let i = 0; i < 40; i++) {
      await press(page, 'step');
      (await terms()).forEach((term) => seen.add(term));
    }
    for (const term of ['PIR', 'ON', 'vcpu->mode', 'notification', 'IA32_TSC_DEADLINE', 'housekeeper']) assert.ok(seen.has(term), term);
    await at(page, 'sentence').locator('[data-term]').first().hover();
    await until(() => shown(page), Boolean, 'a definition');
    await at(page, 'to-start').press('Home');
    await press(page, 'step');
    await shows(page, null);
  }));

test('every term on the page has an entry, on Intel and on AMD', () =>
  visit(FIRST, async ({ page, url }) => {
    const used = new Set();
    for (const fragment of [FIRST, '#amd-avic', '#userspace-irqchip', '#device-wakes-vcpu']) {
      await page.goto('about:blank');
      await page.goto(url + fragment);
      await at(page, 'step').waitFor();
      await openAll(page);
      await at(page, 'queues').locator('[data-term]').waitFor();
      (await page.locator('[data-term]').evaluateAll((all) => all.map((e) => e.dataset.term))).forEach((term) => used.add(term));
    }
    assert.ok(used.size > 40, [...used].join());
    assert.deepEqual([...used].filter((term) => !TERMS.some(({ name }) => name === term)), []);
  }));

test('the glossary opens by key and by button, finds a word, and closes with Escape', () =>
  visit(FIRST, async ({ page }) => {
    await at(page, 'step').focus();
    await page.keyboard.press('g');
    const dialog = at(page, 'glossary-dialog');
    await dialog.waitFor({ state: 'visible' });
    await until(() => dialog.locator('dt').count(), (n) => n > TERMS.length, 'all terms and rules');
    await page.keyboard.type('outstanding notif');
    await until(() => dialog.locator('dt').first().innerText(), (text) => text.startsWith('ON'), 'ON first');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    await at(page, 'glossary').click();
    await dialog.waitFor({ state: 'visible' });
    await at(page, 'glossary-search').fill('nonsense of a word');
    await dialog.getByText('Nothing is called so').waitFor();
  }));

test('where the glossary cannot be loaded the page says so, and goes on', () =>
  visit(FIRST, async ({ page, complaints }) => {
    await page.route('**/glossary/**', (route) => route.fulfill({ status: 404, body: '' }));
    await word(page, 'PIR').hover();
    await at(page, 'definition').getByText('could not be loaded').waitFor();
    await press(page, 'step');
    // The browser itself notes the missing file.
    complaints.length = 0;
    // A service worker would have it kept.
  }, { serviceWorkers: 'block' }));

test('the queues show where the timer waits, and the 512 bits what is set', () =>
  visit(FIRST, async ({ page }) => {
    await at(page, 'queues').locator('summary').click();
    const cell = (cpu, path) => at(page, 'queues').locator(`tr[data-cpu="${cpu}"] [data-path=${path}]`);
    await page.getByTestId('to-start').click();
    // Until the timer is queued on both paths.
    await until(async () => {
      await press(page, 'step');
      return (await cell(0, 'posted').innerText()).includes('vCPU 0') && (await cell(3, 'pinned').innerText()).includes('vCPU 0');
    }, Boolean, 'the timer in both queues');
    assert.equal(await cell(3, 'posted').getAttribute('data-next'), 'never');
    assert.equal(await cell(0, 'posted').getAttribute('data-next'), '400.000', 'the tick that comes first');
    await page.getByTestId('grid-bank-bits').check();
    const layout = page.locator('#layout');
    assert.match(await layout.getAttribute('aria-label'), /ON 0, SN 0, NV 0xf2, NDST 3/);
    const bits = () => layout.locator('[data-bit]').evaluateAll((all) => all.map((e) => Number(e.dataset.bit)));
    assert.deepEqual(await bits(), [273, 276, 277, 278, 279, 288, 289]);
    await until(async () => {
      await press(page, 'step');
      return bits();
    }, (bits) => bits.includes(0xec) && bits.includes(256), 'PIR and ON in the layout');
  }));
