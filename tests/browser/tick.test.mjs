// One whole tick on both paths, as the page shows it; then there and back again, by link, and by keyboard alone.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import {
  FIRST, PATHS, at, exitless, fragment, marks, playground, position, press, reached, ready, sameLedgerAsTheCommandLine, seek, state, until,
} from './playground.mjs';

const TIMER = '0xec';
const NOTIFICATION = '0xf2';
/** The guest writes its deadline: every tick begins with it. */
const ARMING = 'A1';

const visit = playground();

/** Opens the first preset and goes to its start. */
const fromStart = (check) =>
  visit(FIRST, async (watched) => {
    await press(watched.page, 'to-start');
    await check(watched);
  });

/** Steps from the start to the end of the first tick; the state after every step, the start's first. */
async function oneTick(page) {
  const states = [await state(page)];
  for (;;) {
    await press(page, 'step');
    const now = await state(page);
    // The first arming is the first step of all; the next one begins the second tick.
    if (now.rule === ARMING && states.length > 1) break;
    states.push(now);
  }
  await press(page, 'back');
  return states;
}

/** What a value was, one after the other. */
const history = (states, read) => states.map(read).filter((value, i, all) => i === 0 || value !== all[i - 1]);

describe('one tick', () => {
  let states;
  before(() =>
    fromStart(async ({ page }) => {
      states = await oneTick(page);
      assert.deepEqual(await state(page), states.at(-1), 'one step into the next tick and back');
    }),
  );

  test('steps from arming to EOI on both paths, one sentence each', () => {
    assert.ok(states.length > 50, `${states.length} moments`);
    states.forEach((now, i) => assert.equal(now.position, i));
    const sentences = states.map(({ sentence }) => sentence);
    assert.deepEqual(sentences.filter((sentence) => sentence.length < 20), []);
    assert.deepEqual(history(sentences, (sentence) => sentence), sentences, 'every step says something new');
  });

  for (const path of PATHS) {
    test(`${path}: the bit passes from PIR through VIRR to VISR, and ON goes 0, 1, 0`, () => {
      const register = (key) => history(states, ({ pi }) => pi[path][key]);
      assert.deepEqual(register('pir'), ['', TIMER, '']);
      assert.deepEqual(register('on'), ['0', '1', '0']);
      assert.deepEqual(register('virr'), ['', TIMER, '']);
      assert.deepEqual(register('visr'), ['', TIMER, '']);
      assert.deepEqual(register('rvi'), ['0x00', TIMER, '0x00']);
      assert.deepEqual(register('vppr'), ['0x00', '0xe0', '0x00']);
      const when = (key, value) => states.findIndex(({ pi }) => pi[path][key] === value);
      assert.ok(when('pir', TIMER) < when('on', '1'), 'PIR before ON');
    });

    test(`${path}: one exit while arming`, () => {
      assert.equal(marks(states.at(-1), path, { kind: 'exit', reason: 'MSR_WRITE', phase: 'arming' }).length, 1);
      assert.equal(states.at(-1).ledger[path].exits_arming, 1);
      assert.equal(states.at(-1).ledger[path].handlers, 1);
    });
  }

  const expiryExits = (path) => marks(states.at(-1), path, { kind: 'exit', reason: 'EXTERNAL_INTERRUPT' });

  test('pinned: one gap by the timer interrupt, and no notification', () => {
    assert.deepEqual(expiryExits('pinned').map(({ phase, cpu, vcpu }) => [phase, cpu, vcpu]), [['firing', '3', '0']]);
    assert.deepEqual(marks(states.at(-1), 'pinned', { kind: 'ipi' }), []);
    assert.equal(states.at(-1).ledger.pinned.exits_firing, 1);
    assert.equal(states.at(-1).ledger.pinned.ipis_sent, 0);
  });

  test('posted: no gap at expiry, and the notification goes from the housekeeper to the core of the vCPU', () => {
    assert.deepEqual(expiryExits('posted'), []);
    assert.deepEqual(marks(states.at(-1), 'posted', { kind: 'exit' }).map(({ phase }) => phase), ['arming']);
    const sent = marks(states.at(-1), 'posted', { kind: 'ipi' });
    assert.deepEqual(sent.map(({ vector, from, to }) => [vector, from, to]), [[NOTIFICATION, '0', '3']]);
    assert.equal(states.at(-1).ledger.posted.exits_firing, 0);
    assert.equal(states.at(-1).ledger.posted.ipis_sent, 1);
    assert.ok(states.at(-1).ledger.posted.housekeeper_time_ns > 0, 'moved, not removed');
  });

  test('what has not happened yet is drawn as such, and the step button says so at the end', () =>
    fromStart(async ({ page }) => {
      const future = (now) => marks(now, 'posted', { kind: 'ipi' }).map(({ future }) => future);
      assert.deepEqual([future(states[0]), future(states.at(-1))], [[true], [false]]);
      await seek(page, states[0].total);
      assert.ok(await at(page, 'step').isDisabled());
      assert.ok(await at(page, 'back').isEnabled());
    }));

  test('back from its end, every moment is the one that it was on the way there', () =>
    fromStart(async ({ page }) => {
      const there = await oneTick(page);
      for (const before of there.slice(0, -1).reverse()) {
        await press(page, 'back');
        assert.deepEqual(await state(page), before);
      }
      assert.ok(await at(page, 'back').isDisabled());
    }));
});

test('at any position the ledgers equal those of the command line for the same link', () =>
  visit(FIRST, async ({ page }) => {
    await sameLedgerAsTheCommandLine(page);
    const { total } = await state(page);
    for (const steps of [0, 1, 12, Math.floor(total / 3), Math.floor(total / 2), total - 1, total]) {
      await seek(page, steps);
      await sameLedgerAsTheCommandLine(page);
    }
  }));

test('next expiry and next exit stop just after one', () =>
  fromStart(async ({ page }) => {
    const { total } = await state(page);
    const [events] = await Promise.all([exitless('run', FIRST, '--at', 'end', '--events')]);
    const steps = events.trim().split('\n').map((line) => JSON.parse(line));
    const times = (effect) => [...new Set(steps.filter(({ effects }) => effects.some(effect)).map(({ time_ns }) => time_ns))].sort((a, b) => a - b);
    for (const [button, effect] of [
      ['next-expiry', (e) => e.effect === 'timer_fired' && 'Lapic' in e.timer],
      ['next-exit', (e) => e.effect === 'exit'],
    ]) {
      await seek(page, 0);
      const found = [];
      for (let expected = times(effect).length; expected > 0; expected--) {
        await press(page, button);
        found.push(Number((await state(page)).time.replace(/\D/g, '')));
      }
      assert.deepEqual(found, times(effect), button);
      const last = await position(page);
      if (last < total) await at(page, button).click();
      assert.match(await page.locator('.transport .hint').innerText(), last < total ? /No later/ : /^$/);
    }
  }));

describe('a link', () => {
  const moments = async (page) => {
    const { total } = await state(page);
    return [0, 25, Math.floor(total / 2), total];
  };

  test('brings the same moment back after a reload, and in another browser', () =>
    visit(FIRST, async ({ page, browser, url }) => {
      for (const steps of await moments(page)) {
        await seek(page, steps);
        const [before, link] = [await state(page), await fragment(page)];
        await page.reload();
        await ready(page);
        assert.deepEqual(await state(page), before, `reloaded at ${link}`);

        const other = await browser.newContext();
        const pasted = await other.newPage();
        await pasted.goto(url + link);
        await ready(pasted);
        assert.deepEqual(await state(pasted), before, `pasted ${link}`);
        await other.close();
      }
    }));

  test('pasted into the address of an open page goes there, and the back button returns', () =>
    visit(FIRST, async ({ page }) => {
      await seek(page, 30);
      const link = await fragment(page);
      const there = await state(page);
      await page.evaluate(() => { location.hash = '#idle-housekeeper'; });
      await until(() => at(page, 'preset').inputValue(), (name) => name === 'idle-housekeeper', 'the preset');
      await page.goBack();
      await reached(page, 30);
      assert.deepEqual([await fragment(page), await state(page)], [link, there]);
    }));
});
