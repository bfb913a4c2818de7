// Everything that the page can do, with the keyboard alone: no test here uses a pointer.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { FIRST, at, fragment, moves, playground, position, reached, state, tabTo, until } from './playground.mjs';

const TWO = '#two-vcpus-one-housekeeper';

/** Rules of the steps that follow an expiry, and of those with an exit. */
const [EXPIRY, EXIT] = [['P3', 'C4'], ['A1', 'P1']];

const visit = playground();

/** Presses keys one after the other. */
async function keys(page, ...names) {
  for (const name of names) await page.keyboard.press(name);
}

const focused = (page, read) => page.evaluate(read ?? (() => document.activeElement.dataset.testid));
const said = (page, words) => until(() => at(page, 'announce').innerText(), (text) => words.test(text), `never announced ${words}`);

describe('keys of the page', () => {
  test('step, jump, and go to the ends', () =>
    visit(FIRST, async ({ page }) => {
      const { position: opening, total } = await state(page);
      for (const [key, expected] of [['ArrowRight', opening + 1], ['l', opening + 2], ['ArrowLeft', opening + 1], ['End', total], ['Home', 0]]) {
        assert.equal(await moves(page, () => keys(page, key)), expected, key);
      }
      const jumps = async (key, rules) => {
        const to = await moves(page, () => keys(page, key));
        const { rule } = await state(page);
        assert.ok(rules.includes(rule), `${key} goes to ${rule}`);
        return to;
      };
      const there = [await jumps('Shift+ArrowRight', EXPIRY), await jumps('Shift+ArrowRight', EXPIRY)];
      assert.ok(there[0] < there[1]);
      assert.equal(await jumps('Shift+ArrowLeft', EXPIRY), there[0]);
      assert.ok(there[0] < (await jumps('e', EXIT)));
      await jumps('E', EXIT);
    }));

  test('play, pause, and change the speed', () =>
    visit(FIRST, async ({ page }) => {
      const start = await position(page);
      const playing = () => at(page, 'play').getAttribute('aria-pressed');
      await keys(page, ']', ']', 'Space');
      assert.equal(await playing(), 'true');
      await until(() => position(page), (now) => now > start + 3, 'it does not play');
      await keys(page, 'Space');
      assert.equal(await playing(), 'false');
      const speed = () => at(page, 'speed').evaluate((select) => select.selectedOptions[0].text);
      assert.equal(await speed(), '10/s');
      await keys(page, '[');
      assert.equal(await speed(), '5/s');
      // Playing ends at the end, and starts again from the start.
      await keys(page, 'End', 'Space');
      const { total } = await state(page);
      await until(() => position(page), (now) => now > 0 && now < total, 'it does not start again');
      await keys(page, 'ArrowLeft');
      assert.equal(await playing(), 'false', 'a step pauses');
    }));

  test('a sentence is announced once it is quiet', () =>
    visit(FIRST, async ({ page }) => {
      await keys(page, 'Home', 'ArrowRight');
      const { sentence } = await state(page);
      assert.equal(await until(() => at(page, 'announce').innerText(), Boolean, 'silence'), sentence.trim());
    }));

  test('help opens as a dialog, and the focus comes back', () =>
    visit(FIRST, async ({ page }) => {
      const dialog = at(page, 'help-dialog');
      for (const [open, close] of [['?', 'Escape'], ['Enter', 'Enter']]) {
        await tabTo(page, open === '?' ? 'step' : 'help');
        const before = await focused(page);
        await keys(page, open);
        await dialog.waitFor({ state: 'visible' });
        assert.ok(await focused(page, () => Boolean(document.activeElement.closest('dialog[open]'))), 'the focus is inside');
        const here = await position(page);
        await keys(page, 'ArrowRight');
        assert.equal(await position(page), here, 'keys belong to the dialog');
        await keys(page, close);
        await dialog.waitFor({ state: 'hidden' });
        assert.equal(await focused(page), before);
      }
    }));
});

describe('controls', () => {
  test('Tab reaches every control, each shows its focus, and the first is the way past the head', () =>
    visit(TWO, async ({ page }) => {
      await keys(page, 'ArrowRight');
      const controls = await page.evaluate(() => {
        const all = 'a[href], button:enabled, input:enabled, select:enabled, summary, [tabindex="0"]';
        const inView = (e) => e.checkVisibility() && !(e.type === 'radio' && !e.checked);
        globalThis.unreached = [...document.querySelectorAll(all)].filter(inView);
        return globalThis.unreached.length;
      });
      for (let i = 0; i < controls; i++) {
        await keys(page, 'Tab');
        const plain = await page.evaluate((i) => {
          const here = document.activeElement;
          globalThis.unreached = globalThis.unreached.filter((e) => e !== here);
          if (i === 0 && !here.matches('a.skip')) return 'not the skip link first';
          // A radio button's focus is drawn on the words beside it.
          const drawn = [here, here.nextElementSibling, here.parentElement].filter(Boolean).map((e) => getComputedStyle(e));
          return drawn.some((s) => s.outlineStyle !== 'none' || s.boxShadow !== 'none') ? '' : here.outerHTML;
        }, i);
        assert.equal(plain, '', 'the focus is seen');
      }
      const unreached = await page.evaluate(() => globalThis.unreached.map((e) => e.outerHTML));
      assert.deepEqual(unreached, []);
    }));

  test('the skip link goes to the stages and leaves the address alone', () =>
    visit(FIRST, async ({ page }) => {
      await keys(page, 'Tab', 'Enter');
      assert.equal(await focused(page, () => document.activeElement.id), 'stages');
      assert.equal(new URL(page.url()).hash, FIRST);
    }));

  test('the buttons of the transport', () =>
    visit(FIRST, async ({ page }) => {
      const here = await position(page);
      for (const [button, expected] of [
        ['step', here + 1],
        ['back', here],
        ['next-exit', EXIT],
        ['next-expiry', EXPIRY],
        ['to-start', 0],
      ]) {
        await tabTo(page, button);
        const now = await moves(page, () => keys(page, 'Enter'));
        if (Array.isArray(expected)) assert.ok(expected.includes((await state(page)).rule), button);
        else assert.equal(now, expected, button);
      }
      await tabTo(page, 'play');
      await moves(page, () => keys(page, 'Space'));
      await keys(page, 'Space');
      assert.equal(await at(page, 'play').getAttribute('aria-pressed'), 'false');
    }));

  test('speed, scrubber and step field', () =>
    visit(FIRST, async ({ page }) => {
      const { position: opening, total } = await state(page);
      await tabTo(page, 'speed');
      const speed = await at(page, 'speed').inputValue();
      await keys(page, 'ArrowDown');
      assert.notEqual(await at(page, 'speed').inputValue(), speed);
      assert.equal(await position(page), opening);

      await tabTo(page, 'scrub');
      for (const [key, expected] of [['ArrowRight', opening + 1], ['ArrowLeft', opening], ['End', total], ['Home', 0]]) {
        await keys(page, key);
        await reached(page, expected);
      }

      await tabTo(page, 'step-number');
      for (const [typed, expected] of [['20', 20], ['999999', total], ['', total], ['7', 7]]) {
        await keys(page, 'Control+a', 'Backspace');
        await page.keyboard.type(typed);
        await keys(page, 'Enter');
        await reached(page, expected);
      }
    }));

  test('scenario, vCPU and grid', () =>
    visit(FIRST, async ({ page }) => {
      await tabTo(page, 'preset');
      await page.keyboard.type('Two');
      await until(() => page.evaluate(() => location.hash), (hash) => hash === TWO, 'the scenario');
      await keys(page, 'Tab');
      await page.evaluate(() => document.activeElement.blur());
      const heading = () => page.locator('#pi-title').innerText();
      await keys(page, '2');
      await until(heading, (text) => text.includes('vCPU 1'), 'key 2');
      assert.match(await said(page, /selected/), /vCPU 1/);
      await tabTo(page, 'vcpu-1');
      await keys(page, 'ArrowLeft');
      await until(heading, (text) => text.includes('vCPU 0'), 'the radio button');

      const picture = () => at(page, 'grid').innerHTML();
      for (const [group, from, to] of [['bank', 'grid-bank-pir', 'grid-bank-virr'], ['path', 'grid-path-offloaded', 'grid-path-pinned']]) {
        await tabTo(page, from);
        const before = await picture();
        await keys(page, group === 'bank' ? 'ArrowRight' : 'ArrowLeft');
        assert.ok(await at(page, to).isChecked(), group);
        assert.notEqual(await picture(), before, group);
      }
    }));

  test('the list of steps moves the run, and the stage follows', () =>
    visit(FIRST, async ({ page }) => {
      const opening = await position(page);
      await tabTo(page, 'steps-list');
      for (const [key, expected] of [['ArrowDown', opening + 1], ['ArrowUp', opening], ['PageDown', opening + 10], ['PageUp', opening]]) {
        await keys(page, key);
        await reached(page, expected);
        const now = await state(page);
        assert.equal(now.here, String(expected - 1), key);
        const row = page.locator(`#beat-${now.here}`);
        assert.equal(await row.getAttribute('data-rule'), now.rule);
        assert.equal(await at(page, 'steps-list').getAttribute('aria-activedescendant'), `beat-${now.here}`);
        const seen = await row.evaluate((e) => {
          const [row, list] = [e, e.closest('[role=listbox]')].map((e) => e.getBoundingClientRect());
          return row.top >= list.top - 1 && row.bottom <= list.bottom + 1;
        });
        assert.ok(seen, `${key}: the row is in sight`);
      }
    }));

  test('details fold out', () =>
    visit(FIRST, async ({ page }) => {
      for (const summary of ['.sources summary', '.why summary', '.costs summary']) {
        await tabTo(page, summary);
        await keys(page, 'Enter');
        assert.ok(await page.locator(summary).evaluate((e) => e.parentElement.open), summary);
      }
    }));

  test('the theme is chosen and remembered', () =>
    visit(FIRST, async ({ page }) => {
      await tabTo(page, 'theme');
      for (const theme of ['light', 'dark']) {
        await keys(page, 'ArrowDown');
        assert.equal(await page.locator('html').getAttribute('data-theme'), theme);
      }
      await page.reload();
      await at(page, 'theme').waitFor();
      assert.equal(await at(page, 'theme').inputValue(), 'dark');
      assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark');
    }));
});

describe('share', () => {
  const share = async (page) => {
    await keys(page, 'ArrowRight');
    await tabTo(page, 'share');
    await keys(page, 'Enter');
  };

  test('copies the link of this moment', () =>
    visit(FIRST, async ({ page, url }) => {
      await share(page);
      await said(page, /Link copied/);
      assert.equal(await page.evaluate(() => navigator.clipboard.readText()), url + (await fragment(page)));
    }, { permissions: ['clipboard-read', 'clipboard-write'] }));

  test('shows the link where the browser does not let it copy', () =>
    visit(FIRST, async ({ page, url }) => {
      await share(page);
      await at(page, 'share-panel').waitFor();
      await page.locator('#share-link').waitFor();
      const wanted = url + (await fragment(page));
      const selected = () => focused(page, () => document.activeElement.value?.slice(document.activeElement.selectionStart, document.activeElement.selectionEnd));
      await until(selected, (link) => link === wanted, 'the link is not selected');
      await keys(page, 'Tab', 'Enter');
      await at(page, 'share-panel').waitFor({ state: 'detached' });
    }, { init: () => { navigator.clipboard.writeText = () => Promise.reject(new Error('refused')); } }));
});

describe('placement', () => {
  const on = (page, token) => page.locator(`[data-token="${token}"]`).evaluate((e) => Number(e.closest('[data-cpu]').dataset.cpu));
  const shows = (page, select, value) =>
    until(() => at(page, select).inputValue(), (now) => now === value, `${select} does not show ${value}`, 2_000);
  const carried = (page) => focused(page, () => document.activeElement.dataset.token);

  test('a vCPU is picked up, carried, dropped, and put back', () =>
    visit(FIRST, async ({ page }) => {
      const before = await state(page);
      await tabTo(page, '[data-token="vcpu-0"]');
      await keys(page, 'Enter');
      await said(page, /vCPU 0 picked up/);
      await keys(page, 'ArrowLeft');
      await said(page, /over core 2, isolated, free/);
      await keys(page, 'Enter');
      assert.equal(await on(page, 'vcpu-0'), 2);
      assert.equal(await carried(page), 'vcpu-0', 'the focus stays on it');
      assert.equal((await state(page)).position, before.position);
      assert.notDeepEqual((await state(page)).marks, before.marks);

      await keys(page, 'Enter', 'ArrowLeft', 'Escape');
      await said(page, /stays on core 2/);
      assert.equal(await on(page, 'vcpu-0'), 2);

      await tabTo(page, 'start-over', 'Shift+Tab');
      await keys(page, 'Enter');
      assert.equal(await on(page, 'vcpu-0'), 3);
      assert.deepEqual((await state(page)).marks, before.marks);
    }));

  test('a core that is taken refuses with the reason and what is free', () =>
    visit(TWO, async ({ page }) => {
      const before = await state(page);
      await tabTo(page, '[data-token="vcpu-0"]');
      await keys(page, 'Enter', 'ArrowRight');
      await said(page, /Cannot go there: CPU 3 already runs vCPU 1/);
      await keys(page, 'Enter');
      assert.match(await at(page, 'refusal').innerText(), /CPU 3 already runs vCPU 1.*Valid: a free core: 1/);
      assert.equal(await carried(page), 'vcpu-0');
      assert.deepEqual(await state(page), before);
    }));

  test('a core is made a housekeeper and isolated again, and the housekeeper moves', () =>
    visit(FIRST, async ({ page }) => {
      const button = '[data-testid="core-1"] button';
      await tabTo(page, button);
      await keys(page, 'Enter');
      assert.equal(await on(page, 'housekeeper-1'), 1);
      await tabTo(page, 'load-1');
      await keys(page, 'ArrowDown');
      await shows(page, 'load-1', 'busy');
      await tabTo(page, button, 'Shift+Tab');
      await keys(page, 'Enter');
      assert.equal(await page.locator('[data-token="housekeeper-1"]').count(), 0);

      await tabTo(page, '[data-token="housekeeper-0"]', 'Shift+Tab');
      await keys(page, 'Enter', 'ArrowRight', 'Enter');
      assert.equal(await on(page, 'housekeeper-1'), 1);
      await shows(page, 'load-1', 'busy');
    }));

  test('the select of a vCPU', () =>
    visit(FIRST, async ({ page }) => {
      await tabTo(page, 'seat-0');
      await keys(page, 'ArrowUp');
      await shows(page, 'seat-0', '2');
      assert.equal(await on(page, 'vcpu-0'), 2);
    }));
});
