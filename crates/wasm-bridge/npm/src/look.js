// Styles of the element around the stages; those of the stages come from the engine. As constructed sheets, which a policy
// without inline styles allows.

const CSS = `
:host { display: block; --paper: #fff; --ink: #1d2430; --dim: #5a6473; --line: #8a93a0; --accent: #0b57d0 }
:host([hidden]) { display: none }
.dark { --paper: #1a2029; --ink: #e8ebf0; --dim: #9aa5b5; --line: #6b7686; --accent: #8ab4f8 }
.box { background: var(--paper); color: var(--ink); font: 15px/1.45 system-ui, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; border: 1px solid var(--line); border-radius: 8px; padding: 12px; box-sizing: border-box }
.box.bare { border: 0; border-radius: 0 }
[hidden] { display: none !important }
.box:focus-visible, button:focus-visible, a:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
.head { display: flex; flex-wrap: wrap; gap: 4px 16px; justify-content: space-between; align-items: baseline }
.title { font-weight: 600 }
a { color: var(--accent) }
.path { margin: 8px 0 2px; font-size: 14px; font-weight: 600 }
.path span { font-weight: 400; color: var(--dim) }
svg.stage { display: block; max-width: 100%; height: auto }
pre { overflow: auto; font: 12px/1.35 ui-monospace, "DejaVu Sans Mono", monospace; margin: 8px 0 }
table { border-collapse: collapse; font-size: 14px; margin: 8px 0 }
th, td { text-align: right; padding: 2px 10px; border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums }
th:first-child { text-align: left; font-weight: 400 }
.sentence { min-height: 3em; margin: 8px 0 }
.controls { display: flex; flex-wrap: wrap; gap: 6px; align-items: center }
button { min-width: 44px; min-height: 44px; padding: 0 12px; font: inherit; color: var(--ink); background: transparent; border: 1px solid var(--line); border-radius: 6px; cursor: pointer }
button[disabled] { color: var(--dim); cursor: default }
.count { margin-left: auto; color: var(--dim); font-variant-numeric: tabular-nums }
.message { margin: 8px 0 }
.paper-link { display: none }
iframe { display: block; width: 100%; height: 420px; border: 0 }
@media print { .controls, .head a { display: none } .paper-link { display: block; overflow-wrap: anywhere; font-size: 12px } .box { break-inside: avoid } }
@media (forced-colors: active) { button { border-color: ButtonText } }
`;

const made = new Map();

function sheet(css) {
  if (!made.has(css)) {
    const made1 = new CSSStyleSheet();
    made1.replaceSync(css);
    made.set(css, made1);
  }
  return made.get(css);
}

/** Gives a shadow root its styles; `stage` is the engine's sheet, once there is one. */
export function dress(root, stage) {
  if ('adoptedStyleSheets' in root) root.adoptedStyleSheets = [sheet(CSS), ...(stage ? [sheet(stage)] : [])];
}
