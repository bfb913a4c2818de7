// Starts the playground, and says in plain words why it could not.
//
// The page is never blank: what index.html shows in #boot stays until the playground runs, and every way to fail ends in
// a message there. The address, and the state in its fragment, is never touched.
(function () {
  'use strict';

  const here = document.currentScript;
  const glue = new URL(here.dataset.glue, document.baseURI);
  const wasm = new URL(here.dataset.wasm, document.baseURI);
  const later = new URL(here.dataset.later, document.baseURI);
  const boot = document.getElementById('boot');
  const message = document.getElementById('boot-message');

  // The smallest module there is. An engine that refuses it refuses all: then a policy forbids WebAssembly.
  const EMPTY_MODULE = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);

  class Refusal extends Error {
    constructor(title, advice) {
      super(title);
      this.advice = advice;
    }
  }

  const KEPT = 'Your link stays in the address bar; reload when it is mended.';

  function say(title, advice, detail) {
    const strong = document.createElement('strong');
    strong.textContent = title;
    message.replaceChildren(strong, ' ' + advice);
    if (detail) {
      const code = document.createElement('code');
      code.textContent = detail;
      message.append(' ', code);
    }
    message.setAttribute('role', 'alert');
    boot.hidden = false;
  }

  function name(url) {
    return url.pathname.split('/').pop();
  }

  async function fetched(url) {
    let response;
    try {
      response = await fetch(url);
    } catch (error) {
      throw new Refusal(`${name(url)} could not be loaded.`,
        `The connection failed or a policy of this site forbids it. ${KEPT}`);
    }
    if (!response.ok) {
      throw new Refusal(`${name(url)} is missing (the server answered ${response.status}).`,
        `This site needs it beside index.html; whoever published it has to upload the whole folder. ${KEPT}`);
    }
    return response;
  }

  async function compiled(wasm) {
    try {
      await WebAssembly.compile(EMPTY_MODULE);
    } catch (error) {
      throw new Refusal('This page may not run WebAssembly.',
        "Its Content-Security-Policy has to allow it: script-src needs 'wasm-unsafe-eval'. " + KEPT);
    }
    const response = await fetched(wasm);
    const type = response.headers.get('content-type') || 'no type';
    const bytes = await response.arrayBuffer();
    // Some hosts do not know the type of a wasm file. The right bytes run under any name; an error page does not.
    if (!EMPTY_MODULE.subarray(0, 4).every((byte, at) => byte === new Uint8Array(bytes)[at])) {
      throw new Refusal(`${name(wasm)} is not a WebAssembly file.`,
        `The server sent “${type}” in its place; it has to send the published file as “application/wasm”. ${KEPT}`);
    }
    try {
      return await WebAssembly.compile(bytes);
    } catch (error) {
      throw new Refusal(`This browser cannot read ${name(wasm)}.`,
        `Either it is too old (Chrome 91, Firefox 89, Safari 16.4 or newer will do) or the file is damaged. ${KEPT}`);
    }
  }

  async function imported() {
    try {
      return await import(glue.href);
    } catch (error) {
      const response = await fetched(glue);
      throw new Refusal(`${name(glue)} did not start.`,
        `The server says it is “${response.headers.get('content-type') || 'no type'}”; it has to be “text/javascript”. ${KEPT}`);
    }
  }

  async function start() {
    if (location.protocol === 'file:') {
      throw new Refusal('This page was opened as a file.',
        'Browsers run it only from a web server. In the checkout: cargo xtask serve. For a built folder, any static server.');
    }
    if (typeof WebAssembly !== 'object') {
      throw new Refusal('This browser has no WebAssembly.',
        `It is too old, or a setting has switched it off (a “lockdown” or high-security mode does). ${KEPT}`);
    }
    message.textContent = 'Starting the playground…';
    const [program, module] = await Promise.all([imported(), compiled(wasm)]);
    began(await program.default({ module_or_path: module }));
    boot.hidden = true;
  }

  // The second part of the program: it puts its functions into the table of the first. The first calls this when a panel
  // needs it (`crates/ui/src/later.rs`); it may ask before it has wholly begun.
  let began;
  let coming;
  const first = new Promise((resolve) => { began = resolve; });

  async function second() {
    const [module, exports] = await Promise.all([compiled(later), first]);
    try {
      await WebAssembly.instantiate(module, { first: exports });
    } catch (error) {
      throw new Refusal(`${name(later)} is of another version than this page.`, 'Reload the page.');
    }
  }

  window.exitlessLater = () => {
    coming ??= second().catch((error) => {
      // Whoever asks again may have more luck.
      coming = undefined;
      throw error instanceof Refusal ? `${error.message} ${error.advice.replace(KEPT, '')}`.trim() : String(error);
    });
    return coming;
  };

  // A program that stops later must not leave a dead page without a word.
  addEventListener('error', (event) => {
    if (typeof WebAssembly === 'object' && event.error instanceof WebAssembly.RuntimeError) {
      say('The playground has stopped: that is a mistake in it.', 'Reload to go on from the state in the address.');
    }
  });

  start().catch((error) => {
    if (error instanceof Refusal) {
      say(error.message, error.advice);
    } else {
      say('The playground did not start: that is a mistake in it.', 'What it said:', String(error));
    }
  });
})();
