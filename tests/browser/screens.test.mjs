// Whether the first screen still looks as it did: at three widths, in both themes, with and without reduced motion.
//
// The pictures in screens/ are kept small, and coarse on purpose: a pixel of theirs is the mean of a square of the page.
// Fonts come along, so that another machine's do not move the lines. What differs is told with a picture of the
// difference; EXITLESS_WRITE=1 writes the pictures anew, to be looked at before they are kept.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import pixelmatch from 'pixelmatch';
import { PNG } from 'pngjs';

import { FIRST, at, playground } from './playground.mjs';

const here = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const KEPT = here('./screens');
const FONTS = { words: here('../../crates/cli/fonts/DejaVuSans.ttf'), numbers: here('../../crates/cli/fonts/DejaVuSansMono.ttf') };

const SCREENS = { 390: 844, 900: 800, 1440: 900 };
/** A kept pixel is the mean of a square with sides of so many pixels. */
const SQUARE = 6;
/** How far two colours may lie apart, as pixelmatch counts, and how many of all squares may lie further apart. */
const [THRESHOLD, MOST] = [0.1, 0.03];

const visit = playground();

/** Draws all words with the fonts of this repository, whatever the machine has. */
async function withOwnFonts(page) {
  for (const [family, file] of Object.entries(FONTS)) {
    await page.evaluate(async ([family, bytes]) => {
      const font = await new FontFace(family, Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))).load();
      document.fonts.add(font);
    }, [family, readFileSync(file).toString('base64')]);
  }
  await page.evaluate(() => {
    document.documentElement.style.setProperty('--font', 'words');
    document.documentElement.style.setProperty('--mono', 'numbers');
    dispatchEvent(new Event('resize'));
    return document.fonts.ready;
  });
}

function coarse(screenshot) {
  const { width, height, data } = PNG.sync.read(screenshot);
  const small = new PNG({ width: Math.floor(width / SQUARE), height: Math.floor(height / SQUARE) });
  for (let y = 0; y < small.height; y++) {
    for (let x = 0; x < small.width; x++) {
      for (let channel = 0; channel < 4; channel++) {
        let sum = 0;
        for (let i = 0; i < SQUARE * SQUARE; i++) {
          const [px, py] = [x * SQUARE + (i % SQUARE), y * SQUARE + Math.floor(i / SQUARE)];
          sum += data[(py * width + px) * 4 + channel];
        }
        small.data[(y * small.width + x) * 4 + channel] = Math.round(sum / (SQUARE * SQUARE));
      }
    }
  }
  return small;
}

/** The share of squares that differ; `null` if the pictures are not of one size. */
function difference(was, now) {
  if (was.width !== now.width || was.height !== now.height) return null;
  const seen = new PNG({ width: was.width, height: was.height });
  const options = { threshold: THRESHOLD, includeAA: true };
  const differing = pixelmatch(was.data, now.data, seen.data, was.width, was.height, options);
  return { share: differing / (was.width * was.height), seen };
}

for (const [width, height] of Object.entries(SCREENS)) {
  for (const colorScheme of ['light', 'dark']) {
    for (const reducedMotion of ['no-preference', 'reduce']) {
      // Nothing moves by itself on the first screen, so that it looks the same either way.
      const name = `${width}-${colorScheme}.png`;
      test(`${name}, motion ${reducedMotion}`, () =>
        visit(FIRST, async ({ page }) => {
          await withOwnFonts(page);
          await at(page, 'stage-posted').locator('svg').waitFor();
          await page.waitForTimeout(300);
          const now = coarse(await page.screenshot({ animations: 'disabled', caret: 'hide' }));
          const file = path.join(KEPT, name);
          if (process.env.EXITLESS_WRITE && reducedMotion === 'no-preference') {
            mkdirSync(KEPT, { recursive: true });
            writeFileSync(file, PNG.sync.write(now));
          }
          assert.ok(existsSync(file), `${file} is missing: EXITLESS_WRITE=1 node --test screens.test.mjs`);
          const found = difference(PNG.sync.read(readFileSync(file)), now);
          assert.ok(found, `${name} has another size`);
          if (found.share > MOST) {
            const folder = path.join(tmpdir(), 'exitless-screens');
            mkdirSync(folder, { recursive: true });
            writeFileSync(path.join(folder, name), PNG.sync.write(now));
            writeFileSync(path.join(folder, `differs-${name}`), PNG.sync.write(found.seen));
            assert.fail(
              `${(100 * found.share).toFixed(1)} % of the first screen differ from screens/${name}, ${100 * MOST} % may; ` +
              `see ${folder}. If that is meant: EXITLESS_WRITE=1 node --test screens.test.mjs`,
            );
          }
        }, { viewport: { width: Number(width), height }, colorScheme, reducedMotion }));
    }
  }
}

test('a line that is missing is seen, and a pixel is not', () => {
  const blank = () => Object.assign(new PNG({ width: 60, height: 100 }), {}).data.fill(255);
  const [was, line, pixel] = [0, 1, 2].map(() => Object.assign(new PNG({ width: 60, height: 100 }), { data: blank() }));
  for (let i = 40 * 60 * 4; i < 44 * 60 * 4; i += 4) line.data.set([0, 0, 0, 255], i);
  pixel.data.set([0, 0, 0, 255], 5000);
  assert.ok(difference(was, line).share > MOST);
  assert.ok(difference(was, pixel).share < MOST);
  assert.equal(difference(was, new PNG({ width: 61, height: 100 })), null);
});
