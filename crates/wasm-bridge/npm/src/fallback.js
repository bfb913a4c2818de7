// The same stage in a frame: its page brings a policy of its own, so it runs where this one's forbids WebAssembly.

import { connect } from './host.js';
import { make } from './dom.js';
import * as site from './site.js';

/** How long a frame may take before it counts as refused, in ms. */
const PATIENCE = 10_000;

/** The frame for a stage; `refused` is called if it does not run either. */
export function framed(stage, follow, refused) {
  const link = stage.permalink?.split('#')[1];
  const address = new URL('index.html', site.embed());
  for (const name of ['view', 'controls', 'speed']) {
    if (stage.hasAttribute(name)) address.searchParams.set(name, stage.getAttribute(name));
  }
  address.searchParams.set('theme', stage.shown ?? 'auto');
  address.hash = link ?? '';
  const frame = make('iframe', { src: address.href, title: stage.getAttribute('label') ?? "Exitless: a virtual machine's timer tick", referrerpolicy: 'no-referrer', allow: 'fullscreen; clipboard-write' });
  const connection = connect(frame);
  const unfollow = follow(() => void connection.send({ type: 'setTheme', theme: stage.shown }).catch(() => {}));
  const end = () => {
    clearTimeout(late);
    document.removeEventListener('securitypolicyviolation', violated);
    unfollow();
    connection.close();
    refused();
  };
  const violated = ({ effectiveDirective }) => {
    if (['frame-src', 'child-src', 'default-src'].includes(effectiveDirective)) end();
  };
  document.addEventListener('securitypolicyviolation', violated);
  const late = setTimeout(end, PATIENCE);
  connection.ready.then(() => {
    clearTimeout(late);
    document.removeEventListener('securitypolicyviolation', violated);
  }, () => {});
  return frame;
}
