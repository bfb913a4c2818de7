// Runs in a Web Worker: starts the lab, hands it what the page says, and gives it turns.
//
// A classic script, since workers that are modules came to browsers later than all else that this site needs. The mark of
// the version behind this file's own address stands behind those of its parts.
(function () {
  'use strict';

  const beside = (name) => new URL('../' + name + self.location.search, self.location.href).href;

  // plotters-canvas knows what a canvas draws with by the name that it has in a page.
  if (self.OffscreenCanvasRenderingContext2D && !self.CanvasRenderingContext2D) {
    self.CanvasRenderingContext2D = self.OffscreenCanvasRenderingContext2D;
  }

  async function start() {
    importScripts(beside('lab.js'));
    await wasm_bindgen({ module_or_path: beside('lab_bg.wasm') });
    return new wasm_bindgen.Lab();
  }

  const lab = start();

  // A text instead of a message: what the lab itself cannot say.
  const fail = (error) => self.postMessage(String((error && error.message) || error));

  // One turn at a time waits in the queue, behind messages that came before it.
  const turns = new MessageChannel();
  let waiting = false;
  const turn = () => {
    if (!waiting) turns.port2.postMessage(0);
    waiting = true;
  };
  turns.port1.onmessage = async () => {
    waiting = false;
    try {
      if ((await lab).work()) turn();
    } catch (error) {
      fail(error);
    }
  };
  self.onmessage = async ({ data }) => {
    try {
      if ((await lab).hear(...data)) turn();
    } catch (error) {
      fail(error);
    }
  };
  lab.catch(() => {});
})();
