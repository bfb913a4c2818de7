// Keeps the last version of the application, and serves it when there is no connection; also when there is one, so that a
// page never mixes two versions. `cargo xtask dist` puts in the version and the files.
//
// A new version is fetched beside it and waits. static/offline.js tells the reader, who says when to change.

const VERSION = 'VERSION';
const FILES = FILES_OF_THE_SITE;
const NAME = `exitless-${VERSION}`;
const home = new URL('./', self.location.href);

self.addEventListener('install', (event) => {
  const fresh = FILES.map((file) => new Request(new URL(file, home), { cache: 'no-cache' }));
  event.waitUntil(caches.open(NAME).then((cache) => cache.addAll(fresh)));
});

self.addEventListener('activate', (event) => {
  // Caches of other sites on this host are none of ours: a site in another folder has another scope in its name's entries.
  const old = async () => {
    for (const name of await caches.keys()) {
      if (!name.startsWith('exitless-') || name === NAME) continue;
      const [first] = await (await caches.open(name)).keys();
      if (!first || new URL('./', first.url).href === home.href) await caches.delete(name);
    }
  };
  event.waitUntil(old().then(() => self.clients.claim()));
});

self.addEventListener('message', ({ data }) => {
  if (data === 'take over') self.skipWaiting();
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (request.method !== 'GET' || address.origin !== home.origin || !address.pathname.startsWith(home.pathname)) return;
  const file = address.pathname.slice(home.pathname.length);
  if (!FILES.includes(file)) return;
  const kept = caches.open(NAME).then((cache) => cache.match(new URL(file, home), { ignoreSearch: true }));
  event.respondWith(kept.then((response) => response ?? fetch(request)));
});
