// axe-core finds no violation, in any view, panel and dialog that the page has, in both themes and in a forced palette.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';

import { FIRST, at, openAll, playground, until } from './playground.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const visit = playground();

/** Looks for violations; each says what it is and where. */
async function violations(page, view) {
  // Through the debugger: the page's policy refuses scripts that it does not ship.
  if (!(await page.evaluate(() => Boolean(globalThis.axe)))) await page.evaluate(`${AXE}; undefined`);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${view}: ${id}: ${html.slice(0, 160)}`));
}

/** What a page can show: each opens something more, and is looked at. */
const VIEWS = {
  'as it opens': async () => {},
  'folded out': openAll,
  'a definition': async (page) => {
    await page.locator('aside [data-term=ON]').first().click();
    await at(page, 'definition').getByText('Outstanding').waitFor();
  },
  'the 512 bits': (page) => at(page, 'grid-bank-bits').check(),
  'by hand': async (page) => {
    await at(page, 'hand').click();
    await page.locator('[data-actor]').first().waitFor();
  },
  'a breakpoint, and one that cannot be read': async (page) => {
    await at(page, 'breakpoint').fill('ON becomes 1');
    await at(page, 'add-breakpoint').click();
    await at(page, 'breakpoint').fill('ON becmes 1');
    await at(page, 'add-breakpoint').click();
    await at(page, 'breakpoint-refusal').waitFor();
  },
  'a search': async (page) => {
    await at(page, 'filter').fill('PIR');
    await until(() => at(page, 'found').innerText(), Boolean, 'what is found');
  },
  'a bad link': async (page) => {
    await page.evaluate(() => { location.hash = '#nonsense'; });
    await at(page, 'notice').waitFor();
  },
};

for (const [palette, options] of Object.entries({
  light: { colorScheme: 'light' },
  dark: { colorScheme: 'dark' },
  'forced, light': { colorScheme: 'light', forcedColors: 'active' },
  'forced, dark': { colorScheme: 'dark', forcedColors: 'active' },
  'light, narrow': { colorScheme: 'light', viewport: { width: 390, height: 844 } },
})) {
  describe(palette, () => {
    test('every view', () =>
      visit(FIRST, async ({ page }) => {
        const found = new Set();
        for (const [view, show] of Object.entries(VIEWS)) {
          await show(page);
          (await violations(page, view)).forEach((violation) => found.add(violation));
        }
        assert.deepEqual([...found], []);
      }, options));

    test('every dialog', () =>
      visit(FIRST, async ({ page }) => {
        await at(page, 'step').focus();
        await page.keyboard.press('g');
        await at(page, 'glossary-dialog').locator('dt').first().waitFor();
        await page.keyboard.press('Escape');
        const found = [];
        const dialogs = await page.locator('dialog').evaluateAll((all) => all.map((e) => e.id));
        assert.ok(dialogs.includes('help') && dialogs.includes('glossary'), dialogs.join());
        for (const id of dialogs) {
          await page.evaluate((id) => document.getElementById(id).showModal(), id);
          found.push(...(await violations(page, `dialog ${id}`)));
          await page.evaluate((id) => document.getElementById(id).close(), id);
        }
        assert.deepEqual(found, []);
      }, options));

    for (const fragment of ['#amd-avic', '#preemption-timer']) {
      test(`another scenario, ${fragment}`, () =>
        visit(fragment, async ({ page }) => {
          await openAll(page);
          assert.deepEqual(await violations(page, fragment), []);
        }, options));
    }
  });
}
