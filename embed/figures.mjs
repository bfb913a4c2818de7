// Draws every preset where it opens: `node figures.mjs PACKAGE FOLDER`.

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [, , pack, folder] = process.argv;
const { load } = await import(pathToFileURL(path.join(pack, 'src/node.js')));
const exitless = await load();
for (const { name } of exitless.presets()) {
  const run = exitless.open(name);
  for (const [theme, ending] of [['auto', ''], ['light', '.light'], ['dark', '.dark']]) {
    writeFileSync(path.join(folder, `${name}${ending}.svg`), run.figure({ width: 800, theme }));
  }
  run.free();
}
