//! The posted-interrupt descriptor as its 512 bits: a row per 64 bits, bit 0 of each at the right, as manuals draw it.
//!
//! Layout: Intel SDM, "Posted-Interrupt Processing", table "Format of Posted-Interrupt Descriptor", for PIR and ON; the
//! other fields: Intel VT-d specification, "Posted Interrupt Descriptor (PID)", and `struct pi_desc`. NDST holds an x2APIC
//! ID, which the model gives each CPU by its number.
//!
//! Classes on the SVG: `layout` on the root; `outline` that of 64 bits; `reserved` bits that are nobody's; `cell` a bit
//! that is 1, with `data-bit`; `ring` around a bit or a field that the last step changed; `edge` between fields; `label`
//! the numbers of bits and `field` the names of fields.

use crate::display::push_length;
use crate::svg::{Markup, RECT};
use apic_core::vmx::PiDesc;

/// A descriptor to draw.
#[derive(Clone, Copy, Debug)]
pub struct Layout<'a> {
    /// Id of the SVG element.
    pub id: &'a str,
    /// As it is.
    pub now: &'a PiDesc,
    /// As it was before the last step.
    pub before: &'a PiDesc,
    /// Pixels.
    pub width: u32,
}

/// Bits of ON, SN, NV and NDST.
const ON: u32 = 256;
const SN: u32 = 257;
const NV: u32 = 272;
const NDST: u32 = 288;
/// The first bit after NDST.
const REST: u32 = 320;
const BITS: u32 = 512;

/// Bits in a row.
const ROW: u32 = 64;
/// Room for the numbers of the bits.
const LABELS: f64 = 54.0;
const HEIGHT: f64 = 13.0;
const GAP: f64 = 3.0;
/// Room for the names and values of the fields, under their row.
const NAMES: f64 = 28.0;

struct Place {
    bit: f64,
}

impl Place {
    fn top(row: u32) -> f64 {
        let after = if row > ON / ROW { NAMES } else { 0.0 };
        f64::from(row) * (HEIGHT + GAP) + after
    }

    /// Left edge, top, width and height of bits `first` to `last`, which lie in one row.
    fn of(&self, first: u32, last: u32) -> [f64; 4] {
        let from_left = ROW - 1 - last % ROW;
        let wide = f64::from(last - first + 1) * self.bit;
        [LABELS + f64::from(from_left) * self.bit, Self::top(first / ROW), wide, HEIGHT]
    }
}

/// Bits of the descriptor that are 1, lowest first.
fn set(desc: &PiDesc) -> Vec<u32> {
    let pir = desc.pir().iter().map(|v| u32::from(v.number()));
    let flags = [(ON, desc.on()), (SN, desc.sn())].into_iter().filter(|(_, on)| *on).map(|(bit, _)| bit);
    let nv = (0..8).filter(|i| desc.nv().number() >> i & 1 == 1).map(|i| NV + i);
    let ndst = (0..16).filter(|i| desc.ndst().0 >> i & 1 == 1).map(|i| NDST + i);
    pir.chain(flags).chain(nv).chain(ndst).collect()
}

/// The descriptor as SVG.
pub fn layout_svg(layout: &Layout<'_>) -> String {
    let Layout { now, before, .. } = layout;
    let width = f64::from(layout.width.max(200));
    let place = Place { bit: (width - LABELS) / f64::from(ROW) };
    let height = Place::top(BITS / ROW);
    let mut out = Markup::with_capacity(8 * 1024);
    out.raw("<svg class=\"layout\"").attribute("id", layout.id).size(width, height);
    out.raw(" role=\"img\"").attribute("aria-label", &in_words(now)).raw(">");
    for (first, last) in [(258, 271), (280, 287), (320, 383), (384, 447), (448, 511)] {
        out.raw("<rect class=\"reserved\"").lengths(RECT, place.of(first, last)).raw("/>");
    }
    for row in 0..BITS / ROW {
        let first = row * ROW;
        out.raw("<text class=\"label\"").lengths(["x", "y"], [0.0, Place::top(row) + HEIGHT - 3.0]).raw(">");
        out.raw(&format!("{}:{first}", first + ROW - 1)).raw("</text>");
        out.raw("<rect class=\"outline\"").lengths(RECT, place.of(first, first + ROW - 1)).raw("/>");
    }
    let mut edges = String::new();
    for first in [SN, 258, NV, 280, NDST] {
        let [left, top, wide, tall] = place.of(first, first);
        for (command, length) in [("M", left + wide), (" ", top), ("v", tall)] {
            edges.push_str(command);
            push_length(&mut edges, length);
        }
    }
    out.raw("<path class=\"edge\"").attribute("d", &edges).raw("/>");
    for bit in set(now) {
        out.raw("<rect class=\"cell\"").number("data-bit", u64::from(bit)).lengths(RECT, place.of(bit, bit));
        out.raw("><title>").raw(&titled(bit)).raw("</title></rect>");
    }
    for (first, last) in changed(now, before) {
        let [x, y, w, h] = place.of(first, last);
        out.raw("<rect class=\"ring\"").lengths(RECT, [x - 1.5, y - 1.5, w + 3.0, h + 3.0]);
        out.raw("><title>").raw(&titled(first)).raw(", changed by the last step</title></rect>");
    }
    names(&mut out, &place, now);
    out.raw("</svg>");
    out.finish()
}

/// Names and values under the row with the fields.
fn names(out: &mut Markup, place: &Place, now: &PiDesc) {
    let bit = |flag: bool| if flag { "1" } else { "0" };
    let baseline = Place::top(ON / ROW) + HEIGHT + 11.0;
    let mut name = |anchor: &str, x: f64, line: f64, text: &str| {
        out.raw("<text class=\"field\"").attribute("text-anchor", anchor);
        out.lengths(["x", "y"], [x, baseline + line * 12.0]).raw(">").raw(text).raw("</text>");
    };
    let middle = |[x, _, w, _]: [f64; 4]| x + w / 2.0;
    name("middle", middle(place.of(NDST, REST - 1)), 0.0, &format!("NDST {}", now.ndst()));
    name("middle", middle(place.of(NV, NV + 7)), 0.0, &format!("NV {}", now.nv()));
    let [x, _, w, _] = place.of(ON, ON);
    name("end", x + w, 0.0, &format!("SN {}, ON {}", bit(now.sn()), bit(now.on())));
    name("start", LABELS, 1.0, "319:288");
    name("middle", middle(place.of(NV, NV + 7)), 1.0, "279:272");
    name("end", x + w, 1.0, "257, 256");
}

/// What a bit is.
fn titled(bit: u32) -> String {
    match bit {
        0..ON => format!("bit {bit}: PIR, vector {bit:#04x}"),
        ON => "bit 256: ON".to_owned(),
        SN => "bit 257: SN".to_owned(),
        NV..NDST => format!("bit {bit}: NV"),
        _ => format!("bit {bit}: NDST"),
    }
}

/// First and last bits of what the last step changed.
fn changed(now: &PiDesc, before: &PiDesc) -> Vec<(u32, u32)> {
    let (now_pir, was) = (now.pir(), before.pir());
    let either = now_pir.iter().filter(|v| !was.contains(*v)).chain(was.iter().filter(|v| !now_pir.contains(*v)));
    let mut found: Vec<(u32, u32)> = either.map(|v| (u32::from(v.number()), u32::from(v.number()))).collect();
    let fields = [
        (now.on() != before.on(), (ON, ON)),
        (now.sn() != before.sn(), (SN, SN)),
        (now.nv() != before.nv(), (NV, NV + 7)),
        (now.ndst() != before.ndst(), (NDST, REST - 1)),
    ];
    found.extend(fields.into_iter().filter(|(differs, _)| *differs).map(|(_, bits)| bits));
    found
}

/// "512 bits: PIR vector 0xec; ON 1, SN 0, NV 0xf2, NDST 3".
fn in_words(desc: &PiDesc) -> String {
    let vectors: Vec<String> = desc.pir().iter().map(|v| v.to_string()).collect();
    let pir = if vectors.is_empty() { "no vector".to_owned() } else { vectors.join(", ") };
    let bit = u8::from;
    let (on, sn, nv, ndst) = (bit(desc.on()), bit(desc.sn()), desc.nv(), desc.ndst());
    format!("The descriptor's 512 bits: PIR {pir}; ON {on}, SN {sn}, NV {nv}, NDST {ndst}")
}
