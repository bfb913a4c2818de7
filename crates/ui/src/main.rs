//! The playground.
//!
//! [`app`] holds the state and turns messages into changes; [`session`] is the run, the moment and the selected vCPU;
//! [`shown`] works out once per change what is to be seen; [`view`] is what the page is made of. The rest is small and
//! pure: [`keys`], [`place`], [`compare`], [`names`], [`hand`], [`tree`], [`undo`], [`condition`], [`breaks`], [`found`],
//! [`chart`], [`facts`], [`figures`], [`queues`], [`glossary`], [`terms`], [`list`], [`patch`], [`strip`], [`ticks`], [`words`].
//! [`lab`] is the way to the worker that does what takes long; [`later`] that to the part of the program that is loaded when a
//! panel first needs it.
//!
//! # What scripts and tests may rely on
//!
//! `#app[data-ready="true"]` stands once the page runs. Numbers in attributes are plain, without grouping.
//!
//! | element | is |
//! | --- | --- |
//! | `[data-testid=to-start]`, `back`, `step`, `next-expiry`, `next-exit`, `play` | transport buttons |
//! | `[data-testid=speed]` | select: steps per second while playing |
//! | `[data-testid=scrub]` | `input type=range`, 0 to the number of steps |
//! | `[data-testid=step-number]`, `step-total`, `time` | input: steps taken; their number; time in µs |
//! | `[data-testid=stage-pinned]`, `stage-posted` | hold the stage's SVG; its marks carry `data-step`, `data-kind` … |
//! | `[data-testid=sentence]`, `rule` | what the last step did; the id of its rule |
//! | `[data-testid=announce]` | the live region: the sentence, once it has been quiet |
//! | `[data-testid=pi-pinned]`, `pi-posted` | of the selected vCPU, always both: `data-pir="0x31 0xec"`, `data-on="0\|1"`, `data-sn`, `data-nv`, `data-ndst`, `data-virr`, `data-visr`, `data-rvi="0xec"`, `data-svi`, `data-vppr` |
//! | `[data-field=ON][data-path=posted]` | a cell of the tables, with its value in `data-value`; class `new` if the last step changed it |
//! | `[data-testid=grid]` | holds the 16×16 grid's SVG; `grid-bank-pir`, `grid-bank-virr`, `grid-bank-visr`, `grid-path-pinned`, `grid-path-offloaded` choose it; on AMD `grid-bank-irr`, `grid-bank-isr`; `grid-bank-bits`: the descriptor's 512 bits |
//! | `[data-testid=queues]` | `details` with the hrtimer queues: rows `[data-cpu=0]`, cells `[data-path=posted]` with `data-next` |
//! | `[data-term=PIR]` | a word with a definition; `definition`: the one that is shown; `glossary-dialog` with `glossary-search`, opened by `glossary` |
//! | `[data-testid=vcpu-1]` | radio button that selects a vCPU, if there is more than one |
//! | `[data-ledger=exits_arming][data-path=pinned][data-value]` | a cell of the ledger, by the ledger's JSON keys |
//! | `[data-testid=steps-list]` | the list; rows `#beat-13[data-beat=13][data-rule=C8]`, the present one `.here` |
//! | `[data-testid=compare]` | `details` with `way-0`, `era-0` (selects), `drop-0`, `add-way`, `align-time`, `align-expiry`, `align-step` (radio buttons), `compare-refusal`, `refused-paths` (items carry `data-path`) |
//! | `[data-testid=differences]` | rows `[data-aspect=firing]`, cells `[data-path=posted]`; `alike`: what is the same on all paths |
//! | `[data-testid=hand]`, `fork`, `undo`, `redo` | playing by hand, and taking back |
//! | `[data-testid=offers-posted]` | the steps that can be picked: buttons `[data-actor=sw-3][data-rule=C9]`, the one due with class `due` |
//! | `[data-testid=branches]` | the tree: buttons `branch-0`, the shown one `[aria-current]`; `branch-name`: field |
//! | `[data-testid=breakpoint]` | field of a condition, with `add-breakpoint`, `breakpoint-refusal`; `breakpoints`: the list, with `break-0` (checkbox) and `unbreak-0`; `run-on`, `run-back`; `step-core` (select), `core-next`, `core-back` |
//! | `[data-testid=filter]` | field over the list, with `found` (how many) and `filter-refusal` |
//! | `[data-testid=measure]` | `details` with `ticks` (field), `long-run`, `cancel-run`, `ticks-refusal`, `lab-failure`, `run-state`; `chart-latency` … (radio buttons), `chart` with marks `[data-mark=0]`, `mark-said`, `beyond` with `run-stage-on`, `twin` with `chart-table`; `flips` (button); `calibration` with `exits` (text), `exits-file`, `fit`, `exits-refusal`, `own-costs`, `set-costs`, `fits` |
//! | `[data-testid=knobs]` | `details` with the knobs: `knob-vm.apicv` (fields and selects by key), rows `[data-knob][data-changed]`, groups `[data-group]`; `rules-search`, `rule-kick` (checkboxes); `cost-14-least`, `cost-14-most`; `knob-refusal` with `use-nearest` |
//! | `[data-testid=unused]` | what cannot do what it is configured for |
//! | `[data-testid=recording]` | `details` with `open-recording` (file), `pasted` and `read-pasted`, `reading`, `stop-reading`, `close-recording`, `recording-failure`, `recording-about`, `query`, `find-ticks`, `ticks-found`, `found-ticks`, `query-refusal`, `save-recorded-card` … `-csv`, `recording-saved`; on the stage `stage-recorded`, `recorded-cause` |
//! | `[data-testid=export]` | `details` with `save-card`, `save-svg`, `save-png`, `save-txt`, `save-md`, `save-csv`, `save-perfetto`, `save-vcd`, and `saved` |
//! | `[data-testid=preset]`, `start-over`, `theme`, `share`, `share-panel`, `help`, `help-dialog` | the rest of the page |
//! | `[data-testid=notice]`, `dismiss`, `refusal` | what is wrong with a link; with a placement |
//! | `[data-testid=core-3]`, `seat-0`, `load-0`, `[data-token=vcpu-0]`, `[data-token=housekeeper-0]` | the board: cell, select of a vCPU's core, select of a housekeeper's load, tokens |

mod address;
mod app;
mod breaks;
mod chart;
mod compare;
mod condition;
mod course;
mod facts;
mod figures;
mod found;
mod glossary;
mod hand;
mod keys;
mod knobs;
mod lab;
mod later;
mod list;
mod names;
mod patch;
mod place;
mod proofs;
mod queues;
mod session;
mod shown;
mod strip;
mod terms;
mod ticks;
mod tree;
mod undo;
mod view;
mod words;

/// Two kilobytes of brotli smaller than the standard library's, and faster.
#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

fn main() {
    let place = web_sys::window().and_then(|w| w.document()).and_then(|d| d.get_element_by_id("app"));
    if let Some(place) = place {
        yew::Renderer::<app::App>::with_root(place).render();
    }
}
