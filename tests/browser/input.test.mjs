// Bad input: each is answered with what is wrong and what would be valid, the page stays usable, nothing is lost.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { linkTo, sealed } from './link.mjs';
import { FIRST, at, exitless, fragment, playground, press, ready, seek, state, until } from './playground.mjs';

const TWO = '#two-vcpus-one-housekeeper';

const visit = playground();

const carrying = (scenario) => linkTo({ scenario });
const good = linkTo({ preset: 'seed-2019', position: 42 });

/** Fragments that cannot be followed, and what the message has to name: what is wrong, and what would be valid. */
const FRAGMENTS = {
  'an unknown preset': ['#pinned-vs-ofloaded', /"pinned-vs-ofloaded" is neither a link nor a preset.*idle-housekeeper/],
  'a damaged link': [good.replace(/.{4}$/, 'AAAA'), /damaged.*copy it again/],
  'a link that was cut off': [good.slice(0, -7), /damaged.*copy it again/],
  'a newer link': ['#v5.AAAA', /version 5.*up to 4.*newer Exitless/],
  'a link of a version beyond all numbers': ['#v99999999999999999999.AAAA', /reads versions up to 4/],
  'markup': ['#<img src=x onerror=alert(1)>', /is neither a link nor a preset/],
  'broken percent signs': ['#%E0%A4%A', /is neither a link nor a preset/],
  'a very long fragment': [`#${'x'.repeat(100_000)}`, /"x{1,60}" is neither a link nor a preset/],
  'a very long damaged link': [`#v1.${'A'.repeat(1_500_000)}`, /damaged/],
  'a vCPU on a missing core': [carrying({ vcpus: [{ cpu: 9, start_us: 0 }] }), /vcpus\[0\]\.cpu.*no CPU 9.*0 to 3/],
  'two vCPUs on one isolated core': [carrying({ vcpus: [{ cpu: 2, start_us: 0 }, { cpu: 2, start_us: 0 }] }), /vcpus\[1\]\.cpu.*CPU 2 already runs vCPU 0.*free core: 1, 3/],
  'a zero period': [carrying({ guest: { period_us: 0 } }), /guest\.period_us.*0 is out of range.*1 to/],
  'no housekeeper': [carrying({ host: { nohz_full: [0, 1, 2, 3] } }), /host\.nohz_full.*every CPU is isolated.*leave one out/],
  'too many expiries': [carrying({ run: { expiries: 4_000_000_000 } }), /run\.expiries.*out of range.*1 to/],
  'a cost set that there is not': [carrying({ costs: { set: 'pentium' } }), /costs\.set.*"pentium".*skylake/],
  'no path': [carrying({ run: { paths: [] } }), /run\.paths.*1 to 8/],
  'another record under a right checksum': [sealed([1, 2, 3]), /damaged/],
  'a record of nothing': [sealed([]), /damaged/],
};

const notice = (page) => at(page, 'notice').innerText();

/** The page says it, does not hide what it shows, and goes on working. */
async function usable(page, what) {
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, `${what}: the message fits`);
  await press(page, 'step');
  await at(page, 'dismiss').click();
  await at(page, 'notice').waitFor({ state: 'detached' });
  await press(page, 'back');
}

describe('a fragment that cannot be followed', () => {
  test('the links made here are read as links', () =>
    visit(carrying({}), async ({ page }) => {
      assert.equal(await at(page, 'notice').count(), 0);
      assert.equal(await page.locator('#app h1').innerText(), 'Does it run?');
      assert.equal(JSON.parse(await exitless('run', good, '--json')).position, 42);
    }));

  test('opened, it is named and kept, and the first scenario stands in', () =>
    visit(FIRST, async ({ page, url }) => {
      for (const [what, [bad, message]] of Object.entries(FRAGMENTS)) {
        await page.goto('about:blank');
        await page.goto(url + bad);
        await ready(page);
        assert.match(await notice(page), message, what);
        assert.equal(page.url(), new URL(bad, url).href, what);
        assert.equal(await at(page, 'preset').inputValue(), FIRST.slice(1));
        await usable(page, what);
      }
    }));

  test('pasted into an open page, it is named, and what was there stays', () =>
    visit(FIRST, async ({ page }) => {
      await seek(page, 33);
      const [before, link] = [await state(page), await fragment(page)];
      for (const [what, [bad, message]] of Object.entries(FRAGMENTS)) {
        await page.evaluate((bad) => { location.hash = bad; }, bad);
        await at(page, 'notice').waitFor();
        assert.match(await notice(page), message, what);
        assert.deepEqual(await state(page), before, what);
        await usable(page, what);
        assert.deepEqual(await state(page), before, what);
        assert.equal(await fragment(page), link, `${what}: the address says again what is shown`);
      }
    }));

  test('a good link after a bad one takes the message away', () =>
    visit('#nonsense', async ({ page }) => {
      await at(page, 'notice').waitFor();
      await page.evaluate(() => { location.hash = '#idle-housekeeper'; });
      await at(page, 'notice').waitFor({ state: 'detached' });
      assert.equal(await at(page, 'preset').inputValue(), 'idle-housekeeper');
    }));
});

describe('a placement that cannot be', () => {
  /** Drags a token with the pointer onto a core. */
  async function drag(page, token, core) {
    const [from, to] = [page.locator(`[data-token="${token}"]`), at(page, `core-${core}`)];
    await to.scrollIntoViewIfNeeded();
    const middle = async (e) => {
      const { x, y, width, height } = await e.boundingBox();
      return [x + width / 2, y + height / 2];
    };
    await page.mouse.move(...(await middle(from)));
    await page.mouse.down();
    await page.mouse.move(...(await middle(to)), { steps: 5 });
    await page.mouse.up();
  }

  const carry = async (page, token, keys) => {
    await page.locator(`[data-token="${token}"]`).focus();
    for (const key of ['Enter', ...keys, 'Enter']) await page.keyboard.press(key);
  };

  const select = (page, seat, core) => at(page, seat).selectOption(String(core));

  const TAKEN = /CPU 3 already runs vCPU 1.*Valid: a free core: 1/s;
  const BUSY = /CPU 0 is a housekeeper with a load of its own.*Valid: a free core: 1, 2/s;
  for (const [what, open, act, message] of [
    ['two vCPUs on one core, dragged', TWO, (page) => drag(page, 'vcpu-0', 3), TAKEN],
    ['two vCPUs on one core, carried by keyboard', TWO, (page) => carry(page, 'vcpu-0', ['ArrowRight']), TAKEN],
    ['two vCPUs on one core, chosen', TWO, (page) => select(page, 'seat-0', 3), TAKEN],
    ['a vCPU on a busy housekeeper, dragged', FIRST, (page) => drag(page, 'vcpu-0', 0), BUSY],
    ['a vCPU on a busy housekeeper, carried by keyboard', FIRST, (page) => carry(page, 'vcpu-0', ['ArrowRight']), BUSY],
    ['a vCPU on a busy housekeeper, chosen', FIRST, (page) => select(page, 'seat-0', 0), BUSY],
    ['no housekeeper', FIRST, (page) => page.getByLabel('Isolate core 0').click(), /every CPU is isolated.*leave one out/s],
  ]) {
    test(what, () =>
      visit(open, async ({ page }) => {
        await seek(page, 30);
        const [before, link] = [await state(page), await fragment(page)];
        const seats = () => page.locator('select[data-testid^=seat]').evaluateAll((all) => all.map((select) => select.value));
        const sat = await seats();
        await act(page);
        assert.match(await at(page, 'refusal').innerText(), message);
        assert.deepEqual(await state(page), before);
        assert.deepEqual(await seats(), sat, 'the selects show what is');
        assert.equal(await fragment(page), link);
        await press(page, 'step');
      }));
  }

  test('the refusal goes with the scenario that it is about', () =>
    visit(FIRST, async ({ page }) => {
      await select(page, 'seat-0', 0);
      await at(page, 'refusal').waitFor();
      await at(page, 'preset').selectOption('idle-housekeeper');
      await at(page, 'refusal').waitFor({ state: 'detached' });
      await press(page, 'step');
    }));

  test('one that can be is followed by drag, linked, and undone by the back button', () =>
    visit(FIRST, async ({ page }) => {
      const before = await state(page);
      await drag(page, 'vcpu-0', 1);
      const where = () => page.locator('[data-token=vcpu-0]').evaluate((e) => e.closest('[data-cpu]').dataset.cpu);
      assert.equal(await where(), '1');
      assert.match(await fragment(page), /^#v3\./);
      assert.equal(await at(page, 'refusal').count(), 0);
      assert.deepEqual(marksTo(await state(page)), ['1']);
      await page.goBack();
      await until(where, (core) => core === '3', 'the back button');
      assert.deepEqual(await state(page), before);
    }));

  const marksTo = ({ marks }) => marks.posted.filter(({ kind }) => kind === 'ipi').map(({ to }) => to);
});

describe('a browser that refuses', () => {
  const refusing = () => {
    Object.defineProperty(globalThis, 'localStorage', {
      get() { throw new DOMException('The operation is insecure.', 'SecurityError'); },
    });
  };
  const full = () => {
    Storage.prototype.setItem = () => { throw new DOMException('The quota has been exceeded.', 'QuotaExceededError'); };
  };
  for (const [what, init] of [['storage', refusing], ['more storage', full]]) {
    test(`${what}: the page runs, and the theme holds until it is closed`, () =>
      visit(FIRST, async ({ page }) => {
        await at(page, 'theme').selectOption('dark');
        assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark');
        await press(page, 'step');
      }, { init }));
  }

  test('to change the address: the page runs all the same', () =>
    visit(FIRST, async ({ page }) => {
      await press(page, 'step');
      await at(page, 'preset').selectOption('idle-housekeeper');
      await press(page, 'step');
    }, { init: () => { history.replaceState = history.pushState = () => { throw new DOMException('too many calls', 'SecurityError'); }; } }));
});
