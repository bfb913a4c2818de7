// How the page stands at the widths and in the themes that people use: nothing is cut off, hidden or hard to read.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { FIRST, at, marks, playground, press, seek, state } from './playground.mjs';

const SCREENS = { wide: { width: 1440, height: 900 }, middle: { width: 900, height: 800 }, narrow: { width: 390, height: 844 } };
const THEMES = ['light', 'dark'];
const CROWDED = '#two-vcpus-one-housekeeper';

const visit = playground();

/** What of an element lies inside the window, in pixels of its height. */
const visibleHeight = (locator) =>
  locator.evaluate((e) => {
    const { top, bottom, left, right } = e.getBoundingClientRect();
    const inside = left >= -0.5 && right <= innerWidth + 0.5;
    return inside ? Math.max(0, Math.min(bottom, innerHeight) - Math.max(top, 0)) : 0;
  });

/** Elements whose words do not fit: cut off by their own box, past the window's edge, or outside their picture. */
const cutOff = (page) =>
  page.evaluate(() => {
    const name = (e) => `${e.tagName.toLowerCase()}.${e.getAttribute('class') ?? ''} “${e.textContent.trim().slice(0, 40)}”`;
    const seen = (e) => e.checkVisibility() && !e.closest('.unseen, .skip, dialog:not([open]), details:not([open]) > :not(summary)');
    const own = [...document.querySelectorAll('#app *:not(svg *)')].filter(seen);
    const scrolls = (e) => ['auto', 'scroll'].includes(getComputedStyle(e).overflowX);
    // A field scrolls its text, an element in a line of text has no box of its own, and a row of the list may end in an
    // ellipsis: whoever goes to it reads all of it under the stage.
    const shortened = (e) => getComputedStyle(e).textOverflow === 'ellipsis' && e.closest('[role=option]');
    const boxes = own.filter((e) => e.clientWidth > 0 && !scrolls(e) && !shortened(e) && !e.matches('input, select'));
    const clipped = boxes.filter((e) => e.scrollWidth > e.clientWidth + 1 || (getComputedStyle(e).overflowY === 'hidden' && e.scrollHeight > e.clientHeight + 1));
    const edge = document.documentElement.clientWidth + 0.5;
    const scrolled = (e) => e.parentElement && (scrolls(e.parentElement) || scrolled(e.parentElement));
    const past = own.filter((e) => e.getBoundingClientRect().right > edge && !scrolled(e));
    const drawn = [...document.querySelectorAll('#app svg text')].filter((text) => {
      const [inner, outer] = [text, text.closest('svg')].map((e) => e.getBoundingClientRect());
      return inner.width > 0 && (inner.left < outer.left - 1 || inner.right > outer.right + 1 || inner.top < outer.top - 1 || inner.bottom > outer.bottom + 1);
    });
    return [...clipped, ...past, ...drawn].map(name);
  });

for (const [screen, viewport] of Object.entries(SCREENS)) {
  for (const colorScheme of THEMES) {
    describe(`${screen}, ${colorScheme}`, () => {
      const options = { viewport, colorScheme };

      test('the first screen has the stage, the transport and no sideways scroll', () =>
        visit(FIRST, async ({ page }) => {
          assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0);
          assert.equal(await page.evaluate(() => scrollY), 0);
          assert.ok((await visibleHeight(at(page, 'stage-pinned'))) > 150, 'the first stage');
          for (const control of ['step', 'back', 'to-start', 'play', 'scrub', 'step-number', 'preset', 'theme', 'share', 'help']) {
            assert.ok((await visibleHeight(at(page, control))) >= 12, control);
          }
          // The page opens at a moment that shows the point of it.
          const now = await state(page);
          assert.ok(now.sentence.length > 20);
          assert.equal(marks(now, 'posted', { kind: 'ipi', future: false }).length, 1);
        }, options));

      test('no words are cut off, at any moment of a tick, crowded or not', () =>
        visit(FIRST, async ({ page, url }) => {
          for (const fragment of [FIRST, CROWDED]) {
            await page.goto('about:blank');
            await page.goto(url + fragment);
            await at(page, 'step').waitFor();
            const { position, total } = await state(page);
            for (const steps of [position, 0, 15, 40, Math.floor(total / 2), total]) {
              await seek(page, steps);
              assert.deepEqual(await cutOff(page), [], `${fragment} at ${steps}`);
            }
          }
        }, options));
    });
  }
}

describe('contrast of the tokens', () => {
  const GROUNDS = ['--bg', '--panel', '--sunk'];
  const WORDS = ['--ink', '--ink2', '--link', '--bad', '--exit-ink', '--ipi-ink', '--timer-ink'];
  /** Words on a ground of their own. */
  const PAIRS = [
    ['--no', '--panel'], ['--on-accent', '--accent'], ['--ink', '--new'], ['--ink2', '--new'], ['--ink', '--bad-fill'], ['--bad', '--bad-fill'],
    ['--ink', '--guest-fill'], ['--ink2', '--guest-fill'], ['--ink', '--handler-fill'], ['--ink2', '--handler-fill'],
    ['--ink', '--host-fill'], ['--ink2', '--host-fill'], ['--ink', '--irq-fill'], ['--ink2', '--irq-fill'],
    ['--ink', '--load-fill'], ['--ink2', '--load-fill'], ['--ink2', '--idle'], ['--ink2', '--hk'], ['--ink', '--hk'],
  ];
  const MARKS = ['--exit', '--ipi', '--timer', '--host', '--guest', '--edge', '--focus', '--new-edge'];

  for (const colorScheme of THEMES) {
    test(`${colorScheme}: words 4.5 to 1, marks 3 to 1`, () =>
      visit(FIRST, async ({ page }) => {
        const tokens = [...new Set([...GROUNDS, ...WORDS, ...MARKS, ...PAIRS.flat()])];
        const colours = await page.evaluate((tokens) => {
          const style = getComputedStyle(document.documentElement);
          return Object.fromEntries(tokens.map((token) => [token, style.getPropertyValue(token).trim()]));
        }, tokens);
        const weak = (pairs, least) =>
          pairs.map(([a, b]) => [a, b, contrast(colours[a], colours[b])]).filter(([, , ratio]) => !(ratio >= least));
        const every = (tokens) => tokens.flatMap((token) => GROUNDS.map((ground) => [token, ground]));
        assert.deepEqual(weak([...every(WORDS), ...PAIRS], 4.5), []);
        assert.deepEqual(weak(every(MARKS), 3), []);
      }, { colorScheme }));

    test(`${colorScheme}, chosen on a system of the other kind, has the same colours`, () =>
      visit(FIRST, async ({ page }) => {
        const all = () =>
          page.evaluate(() => {
            const style = getComputedStyle(document.documentElement);
            return [...style].filter((name) => name.startsWith('--')).map((name) => [name, style.getPropertyValue(name)]);
          });
        const wanted = await all();
        await page.emulateMedia({ colorScheme: THEMES.find((theme) => theme !== colorScheme) });
        assert.notDeepEqual(await all(), wanted);
        await at(page, 'theme').selectOption(colorScheme);
        assert.deepEqual(await all(), wanted);
      }, { colorScheme }));
  }

  /** The ratio of WCAG 2 of two colours, `#rrggbb` or `#rgb`. */
  function contrast(a, b) {
    const [light, dark] = [a, b].map(luminance).sort((x, y) => y - x);
    return (light + 0.05) / (dark + 0.05);
  }

  function luminance(colour) {
    const [r, g, b] = colour.match(colour.length > 4 ? /[0-9a-f]{2}/gi : /[0-9a-f]/gi).map((hex) => {
      const value = parseInt(hex.padEnd(2, hex), 16) / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }
});

test('with reduced motion nothing moves by itself', () =>
  visit(FIRST, async ({ page }) => {
    await press(page, 'step');
    const moving = () =>
      page.evaluate(() => {
        const seconds = (list) => Math.max(...list.split(',').map(parseFloat));
        const moves = (e) => {
          const style = getComputedStyle(e);
          return seconds(style.transitionDuration) > 0 || (style.animationName !== 'none' && seconds(style.animationDuration) > 0);
        };
        return [...document.querySelectorAll('*')].filter(moves).map((e) => e.outerHTML.slice(0, 100));
      });
    assert.deepEqual(await moving(), []);
  }, { reducedMotion: 'reduce' }));

test('in a forced palette every mark and control is still there', () =>
  visit(FIRST, async ({ page }) => {
    const dots = await at(page, 'stage-posted').screenshot();
    assert.ok(dots.length > 5_000, 'the stage is drawn');
    const [text, ground] = await page.evaluate(() => {
      const { color, backgroundColor } = getComputedStyle(document.body);
      return [color, backgroundColor];
    });
    assert.notEqual(text, ground);
    // What the page tells with colour alone elsewhere has a border or an underline here.
    const bare = await page.evaluate(() => {
      const outlined = (e) => ['borderTopStyle', 'borderBottomStyle', 'outlineStyle'].some((side) => getComputedStyle(e)[side] !== 'none');
      return [...document.querySelectorAll('button, select, input:not([type=radio], [type=range]), .token')]
        .filter((e) => e.checkVisibility() && !e.matches('.quiet, .term') && !outlined(e))
        .map((e) => e.outerHTML.slice(0, 100));
    });
    assert.deepEqual(bare, []);
    await press(page, 'step');
  }, { forcedColors: 'active' }));
