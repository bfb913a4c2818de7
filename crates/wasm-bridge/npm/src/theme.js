// Light or dark, as the document around is: by the marks that books and sites set on <html>, else by the reader's device.
// One observer for all stages of a document.

const DARK = ['coal', 'navy', 'ayu', 'dark'];
const LIGHT = ['light', 'rust'];
const MARKS = ['class', 'data-theme', 'data-bs-theme', 'data-color-mode'];

const device = matchMedia('(prefers-color-scheme: dark)');
const followers = new Set();
let observer;

/** What the document is now. */
export function ofDocument() {
  const root = document.documentElement;
  const words = MARKS.flatMap((mark) => (root.getAttribute(mark) ?? '').split(/\s+/));
  if (words.some((word) => DARK.includes(word))) return 'dark';
  if (words.some((word) => LIGHT.includes(word))) return 'light';
  return device.matches ? 'dark' : 'light';
}

const tell = () => followers.forEach((follower) => follower());

/** Calls back when it may have changed; returns how to stop. */
export function follow(follower) {
  if (followers.size === 0) {
    observer ??= new MutationObserver(tell);
    observer.observe(document.documentElement, { attributeFilter: MARKS });
    device.addEventListener('change', tell);
  }
  followers.add(follower);
  return () => {
    followers.delete(follower);
    if (followers.size > 0) return;
    observer.disconnect();
    device.removeEventListener('change', tell);
  };
}
