// How fast the page is: `cargo xtask bench --browser`. It prints figures and whether they keep the promises; it is no
// test, as its figures depend on the machine and on its other work.
//
// Real key presses and a real pointer; the times are the CPU time of the page's main thread, as the browser counts it.
// On a busy machine they are longer, so the load is printed beside them.

import { availableParallelism, loadavg } from 'node:os';

import { launch, serve } from './helpers.mjs';
import { linkTo } from './link.mjs';
import { position, ready, seek, until } from './playground.mjs';

/** Promised, in ms of script, for 99 of 100 steps and seeks in a history of at least so many steps. */
const PROMISE = { p99: 8, steps: 100_000 };
const PLACES = 10;
const STEPS_PER_PLACE = 40;
const SEEKS = 400;
/** From navigation to an answer, so many times. */
const STARTS = 5;
/** A quiet machine needs one minute. On one that needs ten, the figures say nothing about the page. */
const PATIENCE_MS = 600_000;

/** The first preset, for long enough. */
const LONG = linkTo({ scenario: { run: { expiries: 1_600 } } });

const load = () => loadavg()[0].toFixed(1);
const before = load();
const browser = await launch();
const server = await serve();
const stop = async () => {
  await browser.close();
  server.stop();
};
// The program ends here, and not with a complaint about a page that is no longer there.
const patience = setTimeout(async () => {
  console.error(`The benchmark was not over after ${PATIENCE_MS / 60_000} minutes, at a load of ${load()}: the machine is busy, or the page hangs.`);
  await stop().catch(() => {});
  process.exit(1);
}, PATIENCE_MS);
try {
  const starts = { 'first preset': await startTimes(''), 'the long run': await startTimes(LONG) };
  const page = await open(LONG);
  const total = Number(await page.getByTestId('step-total').textContent());
  const measured = await meter(page);
  const rows = {
    'step forward': await steps(page, measured, 'ArrowRight', total),
    'step back': await steps(page, measured, 'ArrowLeft', total),
    scrub: await scrubs(page, measured),
  };
  report(total, rows, starts);
} finally {
  clearTimeout(patience);
  await stop();
}

async function open(fragment) {
  const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  await page.goto(server.url + fragment);
  await ready(page);
  return page;
}

/** Time by the clock from navigation to a page that answers, in ms. */
async function startTimes(fragment) {
  const times = [];
  for (let i = 0; i < STARTS; i++) {
    const page = await open(fragment);
    times.push(await page.evaluate(() => performance.now()));
    await page.context().close();
  }
  return times;
}

/** So many numbers from 0 to 1, all over and in no order, the same every time. */
function spread(count) {
  return Array.from({ length: count }, (_, i) => (i * 0.618034) % 1);
}

/** A function that does something and returns what it cost the page until it was on the screen, in ms. */
async function meter(page) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
  const read = async () => {
    const { metrics } = await cdp.send('Performance.getMetrics');
    const ms = Object.fromEntries(metrics.map(({ name, value }) => [name, value * 1_000]));
    const layout = ms.LayoutDuration + ms.RecalcStyleDuration;
    return [ms.ScriptDuration, layout, ms.TaskDuration - ms.ScriptDuration - layout - ms.DevToolsCommandDuration];
  };
  const drawn = () => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done()))));
  return async (act) => {
    const here = await position(page);
    const before = await read();
    await act();
    await drawn();
    const after = await read();
    await until(() => position(page), (now) => now !== here, 'nothing moved', PATIENCE_MS);
    return after.map((ms, i) => ms - before[i]);
  };
}

/** Presses a key over and over, at places all over the run. */
async function steps(page, measured, key, total) {
  const samples = [];
  for (const place of spread(PLACES)) {
    await seek(page, STEPS_PER_PLACE + Math.floor(place * (total - 2 * STEPS_PER_PLACE)));
    await page.evaluate(() => document.activeElement.blur());
    for (let i = 0; i < STEPS_PER_PLACE; i++) samples.push(await measured(() => page.keyboard.press(key)));
  }
  return samples;
}

/** Holds the scrubber and drags it to and fro. */
async function scrubs(page, measured) {
  const { x, y, width, height } = await page.getByTestId('scrub').boundingBox();
  const thumb = 20;
  const to = (place) => page.mouse.move(x + thumb + place * (width - 2 * thumb), y + height / 2);
  await to(0.5);
  await page.mouse.down();
  const samples = [];
  for (const place of spread(SEEKS)) samples.push(await measured(() => to(place)));
  await page.mouse.up();
  return samples;
}

function report(total, rows, starts) {
  const shares = { p50: 0.5, p95: 0.95, p99: 0.99, max: 1 };
  const line = (what, cells) => console.log(what.padEnd(36) + cells.map((cell) => cell.padStart(8)).join(''));
  const quantiles = (samples) => {
    const sorted = [...samples].sort((a, b) => a - b);
    return Object.values(shares).map((share) => sorted[Math.ceil(share * sorted.length) - 1]);
  };
  const ms = (values) => values.map((value) => value.toFixed(1));
  console.log(`\nThe page, ${total} steps on record, Chromium ${browser.version()}; CPU time of its main thread in ms`);
  console.log(`${availableParallelism()} CPUs, load ${before} before and ${load()} after\n`);
  line('', Object.keys(shares));
  const promises = [];
  for (const [what, samples] of Object.entries(rows)) {
    for (const [part, name] of ['script', 'style and layout', 'painting and the rest'].entries()) {
      const found = quantiles(samples.map((sample) => sample[part]));
      line(part === 0 ? `${what}, ${samples.length} times: ${name}` : `  ${name}`, ms(found));
      if (part === 0) promises.push([found[2] < PROMISE.p99, `${what}: 99 of 100 under ${PROMISE.p99} ms of script`, ms([found[2]])]);
    }
  }
  promises.push([total >= PROMISE.steps, `on a history of at least ${PROMISE.steps} steps`, total]);
  console.log(`\nFrom navigation to an answer, by the clock, ${STARTS} times, in ms: shortest, median, longest`);
  for (const [what, times] of Object.entries(starts)) {
    const sorted = [...times].sort((a, b) => a - b);
    line(what, ms([sorted[0], sorted[Math.floor(STARTS / 2)], sorted[STARTS - 1]]));
  }
  console.log('');
  for (const [holds, promise, figure] of promises) console.log(`${holds ? 'holds        ' : 'DOES NOT HOLD'}  ${promise} (${figure})`);
}
