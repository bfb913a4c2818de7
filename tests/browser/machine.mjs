// The machine as wasm, for `cargo xtask bench`: `node machine.mjs node` runs it in this process, `node machine.mjs
// chromium` in a page of a headless browser. The bridge has to be built for speed (profile `release`); EXITLESS_BRIDGE
// says where it is.
//
// It says its name, then answers each line with a line, all of them JSON: {"open":{"preset":…,"path":…}} or
// {"open":{"crowd":VCPUS,"path":…}} with {}, and {"run":TICKS} with {"steps":N,"ns":CPU-TIME}. It ends with its input.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const bridge = process.env.EXITLESS_BRIDGE;

/** What this process has had of CPUs, in ns. When all is warm, it is the one thread that runs the machine. */
function cpuTime() {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1e3;
}

async function inNode() {
  const wasm = await import(pathToFileURL(path.join(bridge, 'wasm_bridge.js')));
  wasm.initSync({ module: readFileSync(path.join(bridge, 'wasm_bridge_bg.wasm')) });
  let sim;
  return {
    name: `Node ${process.version.slice(1)}`,
    open({ preset, crowd, path: on }) {
      sim?.free();
      sim = crowd ? wasm.SilentRun.crowd(crowd, on) : new wasm.SilentRun(preset, on);
      return {};
    },
    run(ticks) {
      const start = cpuTime();
      const steps = sim.run_on(ticks);
      return { steps, ns: cpuTime() - start };
    },
    stop() {},
  };
}

async function inChromium() {
  const { launch, serve } = await import('./helpers.mjs');
  const browser = await launch();
  const server = await serve({ folder: bridge });
  const page = await (await browser.newContext()).newPage();
  // Any document of the server's will do.
  await page.goto(`${server.url}wasm_bridge.js`);
  await page.evaluate(async () => {
    globalThis.wasm = await import(new URL('/wasm_bridge.js', location.href).href);
    await globalThis.wasm.default();
  });
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
  // The CPU time of the page's scripts; what DevTools themselves call is not counted, so the page calls from a timer.
  const cpuTime = async () => {
    const { metrics } = await cdp.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'ScriptDuration').value * 1e9;
  };
  return {
    name: `Chromium ${browser.version()}`,
    async open(request) {
      await page.evaluate(({ preset, crowd, path: on }) => {
        const { SilentRun } = globalThis.wasm;
        globalThis.sim?.free();
        globalThis.sim = crowd ? SilentRun.crowd(crowd, on) : new SilentRun(preset, on);
      }, request);
      return {};
    },
    async run(ticks) {
      const start = await cpuTime();
      const steps = await page.evaluate(
        (ticks) => new Promise((done) => setTimeout(() => done(globalThis.sim.run_on(ticks)))),
        ticks,
      );
      return { steps, ns: (await cpuTime()) - start };
    },
    async stop() {
      await browser.close();
      server.stop();
    },
  };
}

const engines = { node: inNode, chromium: inChromium };
const engine = engines[process.argv[2]];
if (!engine) {
  console.error(`machine.mjs wants one of: ${Object.keys(engines).join(', ')}`);
  process.exit(2);
}
const machine = await engine();
const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
say({ name: machine.name });
try {
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    say(request.open ? await machine.open(request.open) : await machine.run(request.run));
  }
} finally {
  await machine.stop();
}
