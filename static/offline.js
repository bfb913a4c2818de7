// Keeps the application for when there is no connection, and says when a newer version is there. Where a browser or a
// frame has no service workers, nothing is kept and nothing is said.
(function () {
  'use strict';

  // A sandboxed frame throws at the very question.
  const workers = (() => {
    try {
      return navigator.serviceWorker;
    } catch (refused) {
      return undefined;
    }
  })();
  if (!workers || !isSecureContext) return;

  const bar = document.getElementById('update');

  function offer(waiting) {
    if (!waiting || !workers.controller) return;
    bar.querySelector('button').onclick = () => {
      workers.addEventListener('controllerchange', () => location.reload(), { once: true });
      waiting.postMessage('take over');
    };
    bar.hidden = false;
  }

  // What the page itself loads comes first.
  addEventListener('load', () => workers.register('sw.js').then((registration) => {
    offer(registration.waiting);
    registration.addEventListener('updatefound', () => {
      const coming = registration.installing;
      coming.addEventListener('statechange', () => coming.state === 'installed' && offer(registration.waiting));
    });
  }, () => {}));
})();
