// The npm package: packed, installed into an empty project, used from Node and from TypeScript.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { npm } from './helpers.mjs';
import { exitless } from './playground.mjs';

const run = promisify(execFile);
const project = mkdtempSync(path.join(tmpdir(), 'exitless-project-'));
after(() => rmSync(project, { recursive: true }));

before(async () => {
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', project], { cwd: npm });
  const [{ filename, files }] = JSON.parse(stdout);
  globalThis.packed = files.map((file) => file.path).sort();
  writeFileSync(path.join(project, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }));
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', `./${filename}`], { cwd: project });
});

const write = (name, text) => writeFileSync(path.join(project, name), text);

test('it holds what it needs and nothing else', () => {
  const { packed } = globalThis;
  for (const needed of ['README.md', 'index.d.ts', 'package.json', 'src/node.js', 'src/stage.js', 'wasm/engine.js', 'wasm/engine_bg.wasm']) {
    assert.ok(packed.includes(needed), needed);
  }
  assert.deepEqual(packed.filter((file) => !/^(README\.md|package\.json|[a-z]+\.d\.ts|src\/[a-z]+\.js|wasm\/engine(_bg\.wasm|\.js))$/.test(file)), []);
});

test('from Node it steps, reads, draws and refuses in words', async () => {
  write('use.mjs', `
    import { load } from 'exitless';
    const exitless = await load();
    const run = exitless.open('pinned-vs-offloaded');
    const opening = run.position;
    run.step(); run.back(2); run.seek(opening);
    run.next('expiry');
    const state = run.state();
    const again = exitless.open(run.link).state();
    let refusal;
    try { exitless.open('v99.AAAA'); } catch ({ code, message }) { refusal = { code, message }; }
    run.seek(run.length);
    console.log(JSON.stringify({
      presets: exitless.presets().length, version: exitless.version, state, same: JSON.stringify(state) === JSON.stringify(again), refusal,
      ledgers: run.state().paths.map(({ key, ledger }) => [key, ledger]),
      event: run.events('posted', 3, 4)[0], figure: run.figure({ theme: 'dark' }).slice(0, 40), text: run.text('https://example.org/'),
    }));
  `);
  const { stdout } = await run('node', ['use.mjs'], { cwd: project });
  const said = JSON.parse(stdout);
  const native = JSON.parse(await exitless('run', 'pinned-vs-offloaded', '--at', 'end', '--json'));
  assert.equal(said.version, native.model_version);
  assert.ok(said.presets >= 14 && said.same, stdout);
  assert.deepEqual(said.ledgers, native.paths.map(({ path, ledger }) => [path, ledger]));
  assert.equal(said.refusal.code, 'newer-link');
  assert.match(said.refusal.message, /version 99/);
  assert.equal(said.event.index, 3);
  assert.match(said.figure, /^<svg xmlns/);
  assert.match(said.text, /https:\/\/example\.org\/#/);
});

test('TypeScript takes it, strictly, and finds what is wrong', async () => {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const compile = () => run('node', [tsc, '--strict', '--noEmit', '--target', 'es2022', '--module', 'nodenext', 'use.ts'], { cwd: project });
  const good = `
    import { load, type Run, type State } from 'exitless';
    import 'exitless/stage';
    import { connect } from 'exitless/host';
    import type { FromStage, ToStage } from 'exitless/messages';
    const exitless = await load();
    const run: Run = exitless.open('amd-avic');
    const state: State = run.state();
    const pir: number[] = state.paths.flatMap((path) => path.vcpus[0]?.pir ?? []);
    const stage = document.querySelector('exitless-stage');
    stage?.step(pir.length);
    stage?.addEventListener('exitless-step', (event) => console.log((event as CustomEvent<State>).detail.step));
    const connection = connect(document.querySelector('iframe')!);
    connection.on('state', ({ permalink, step }) => console.log(permalink.length + step));
    const svg: string = await connection.send({ type: 'export', format: 'svg' });
    const message: ToStage = { type: 'get', what: 'events', path: 'posted' };
    const heard = (from: FromStage) => (from.type === 'ready' ? from.minHeight : svg.length);
    console.log(message, heard);
  `;
  write('use.ts', good);
  await compile();
  write('use.ts', good.replace("format: 'svg'", "format: 'gif'").replace('state.paths.flatMap', 'state.ways.flatMap'));
  await assert.rejects(compile(), ({ stdout }) => /"gif"/.test(stdout) && /'ways' does not exist/.test(stdout));
});
