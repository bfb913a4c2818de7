// Whether the machine's benchmark runs in every engine, and leaves none out of a row. The figures are no matter here; that
// all engines take the same steps is: the benchmark ends with an error if they do not.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { bridge, machineBench } from './helpers.mjs';

test('the machine runs natively, in Node and in Chromium, and every row has all three', async () => {
  const worker = fileURLToPath(new URL('machine.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(machineBench, ['--smoke', '--json', '--worker', worker, 'node', 'chromium'], {
    env: { ...process.env, EXITLESS_BRIDGE: bridge },
  });
  const report = JSON.parse(stdout);
  assert.match(report.engines.join(), /^native,Node \d.*,Chromium \d/);
  assert.deepEqual([...new Set(report.scaling.map(({ vcpus }) => vcpus))], [1, 64, 1024, 10_000]);
  assert.ok(report.paths.length >= 8, `${report.paths.length} paths`);
  for (const row of [...report.paths, ...report.scaling]) {
    assert.equal(row.speeds.length, 3, JSON.stringify(row));
    for (const { ticks_per_second: ticks, of_native: ratio } of row.speeds) assert.ok(ticks > 0 && ratio > 0, JSON.stringify(row));
  }
});
