// Share: the link, how long it is, and what puts the moment into a document; and that it does.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { at, fragment, playground, press, until } from './playground.mjs';

const visit = playground();

test('the panel has link, length and snippets, and the frame it hands out shows the moment', () =>
  visit('#amd-avic', async ({ page, context, url }) => {
    await press(page, 'step');
    const link = url + (await fragment(page));
    await at(page, 'share').click();
    const panel = at(page, 'share-panel');
    await page.locator('#share-link').waitFor();
    assert.match(await panel.innerText(), new RegExp(`, ${link.length} characters:`));
    assert.equal(await page.locator('#share-link').inputValue(), link);
    await panel.getByText('Put it into a document').click();
    for (const [kind, part] of [['element', '<exitless-stage state="v3.'], ['markdown', '<picture>']]) {
      const text = await at(page, `share-${kind}`).inputValue();
      assert.ok(text.includes(part) && text.includes(link), text);
    }
    const frame = await at(page, 'share-frame').inputValue();
    assert.match(frame, /title="Exitless: [^"]+"/);
    const address = /src="([^"]+)"/.exec(frame)[1];
    const sentence = await at(page, 'sentence').innerText();
    for (const [where, place] of [[address, '.sentence'], [await at(page, 'share-picture').getAttribute('href'), 'h1']]) {
      const other = await context.newPage();
      await other.goto(where);
      const text = () => other.locator(place).innerText();
      if (place === '.sentence') assert.ok(sentence.includes((await text()).split(': ').pop()), `${sentence} | ${await text()}`);
      else await until(text, (title) => /AVIC|tick/.test(title), 'the picture is of something else');
      await other.close();
    }
    await panel.getByRole('button', { name: 'Close' }).click();
    await panel.waitFor({ state: 'detached' });
  }, { permissions: ['clipboard-read', 'clipboard-write'] }));
