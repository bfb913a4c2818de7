// How fast a recording of 100 MB comes to the stage, and how fast it is moved through there. It prints figures; it is no test,
// as they depend on the machine and on its other work.

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { launch, serve } from './helpers.mjs';
import { FIRST, at, ready } from './playground.mjs';

const TRACE = new URL('../../crates/kvm-trace/tests/data/traces/deadline-halt.perf-script.txt', import.meta.url);
const folder = mkdtempSync(path.join(tmpdir(), 'exitless-'));
const file = path.join(folder, 'recording.txt');
const one = readFileSync(fileURLToPath(TRACE));
writeFileSync(file, Buffer.concat(Array.from({ length: Math.ceil(1e8 / one.length) }, () => one)));

const [browser, server] = await Promise.all([launch(), serve()]);
try {
  const page = await (await browser.newContext({ viewport: { width: 1440, height: 1000 } })).newPage();
  await page.goto(server.url + FIRST);
  await ready(page);
  await page.locator('[data-testid=recording] > summary').click();
  const begin = performance.now();
  await at(page, 'open-recording').setInputFiles(file);
  await page.locator('[data-testid=stage-recorded] svg').waitFor({ timeout: 120_000 });
  const took = performance.now() - begin;
  const megabytes = statSync(file).size / 1e6;
  console.log(`${megabytes.toFixed(0)} MB from choosing the file to the stage: ${(took / 1e3).toFixed(2)} s, ${(megabytes / took * 1e3).toFixed(0)} MB/s with loading the lab`);
  const moves = await page.evaluate(async () => {
    const slider = document.querySelector('[data-testid=scrub]');
    const place = document.querySelector('[data-testid=stage-recorded]');
    const times = [];
    for (let i = 1; i <= 60; i += 1) {
      const begin = performance.now();
      const seen = new Promise((resolve) => new MutationObserver((_, o) => { o.disconnect(); resolve(); }).observe(place, { childList: true, subtree: true, attributes: true }));
      slider.value = Math.floor((slider.max * i) / 61);
      slider.dispatchEvent(new InputEvent('input', { bubbles: true }));
      await seen;
      times.push(performance.now() - begin);
    }
    return { times: times.sort((a, b) => a - b), max: slider.max };
  });
  console.log(`scrubbing through ${moves.max} steps: median ${moves.times[30].toFixed(1)} ms, 95 % ${moves.times[57].toFixed(1)} ms from the scrubber to the new stage`);
  console.log(`load ${loadavg()[0].toFixed(1)}`);
} finally {
  await browser.close();
  server.stop();
  rmSync(folder, { recursive: true });
}
