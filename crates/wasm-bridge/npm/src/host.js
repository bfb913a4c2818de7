// A host page's side of a frame with embed/: handshake, messages, height. messages.d.ts has the contract.

/** How often a frame that does not answer yet is greeted, and how many times, in ms. */
const EVERY = 250;
const TIMES = 80;

export function connect(frame) {
  const origin = new URL(frame.src, document.baseURI).origin;
  const heard = new Map();
  const waiting = new Map();
  let ids = 0;
  let greeted = 0;
  let greeting;

  // A sandboxed frame has no origin to name. Nor has one that still loads, and a greeting holds nothing.
  const nameless = frame.sandbox.length && !frame.sandbox.contains('allow-same-origin');
  const post = (message) => frame.contentWindow?.postMessage({ exitless: 1, ...message }, nameless || message.type === 'hello' ? '*' : origin);
  const greet = () => ((greeted += 1) > TIMES ? clearInterval(greeting) : post({ type: 'hello' }));
  const hear = ({ source, data }) => {
    if (source !== frame.contentWindow || data?.exitless !== 1) return;
    if (data.type === 'ready') clearInterval(greeting);
    if (data.type === 'resize') frame.style.setProperty('height', `${data.height}px`);
    const [done, failed] = waiting.get(data.id) ?? [];
    waiting.delete(data.id);
    if (data.type === 'answer') done?.(data.value);
    if (data.type === 'error') failed?.(Object.assign(new Error(data.text), { code: data.code }));
    heard.get(data.type)?.forEach((listener) => listener(data));
  };
  const on = (type, listener) => {
    if (!heard.has(type)) heard.set(type, new Set());
    heard.get(type).add(listener);
    return () => heard.get(type).delete(listener);
  };
  const ready = new Promise((done) => on('ready', done));
  addEventListener('message', hear);
  greeting = setInterval(greet, EVERY);
  greet();

  return {
    ready,
    on,
    send: (message) =>
      ready.then(() => new Promise((...both) => {
        waiting.set((ids += 1), both);
        post({ ...message, id: ids });
      })),
    close: () => {
      clearInterval(greeting);
      removeEventListener('message', hear);
    },
  };
}
