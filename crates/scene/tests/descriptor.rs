//! The descriptor's 512 bits.

use apic_core::units::{CpuId, Vector};
use apic_core::vmx::PiDesc;
use roxmltree::Document;
use scene::{Layout, layout_svg};

/// Bits that are drawn as 1, and what is ringed.
#[track_caller]
fn check(now: &PiDesc, before: &PiDesc, bits: &[u32], changed: &[&str]) {
    let svg = layout_svg(&Layout { id: "layout", now, before, width: 340 });
    let doc = Document::parse(&svg).expect("well formed");
    assert!(doc.descendants().all(|n| !n.has_attribute("style")));
    let drawn: Vec<u32> = doc.descendants().filter_map(|n| n.attribute("data-bit")?.parse().ok()).collect();
    assert_eq!(drawn, bits);
    let ringed: Vec<String> = doc
        .descendants()
        .filter(|n| n.attribute("class") == Some("ring"))
        .filter_map(|n| Some(n.children().next()?.text()?.to_owned()))
        .collect();
    let expected: Vec<String> = changed.iter().map(|what| format!("{what}, changed by the last step")).collect();
    assert_eq!(ringed, expected);
}

#[test]
fn each_field_lies_where_the_manual_has_it() {
    let fresh = PiDesc::new(CpuId(0));
    // NV 0xf2 is 1111_0010b.
    let nv = [273, 276, 277, 278, 279];
    check(&fresh, &fresh, &nv, &[]);
    let mut posted = fresh.clone();
    posted.test_and_set_pir(Vector::LOCAL_TIMER);
    check(&posted, &fresh, &[&[0xec], &nv[..]].concat(), &["bit 236: PIR, vector 0xec"]);
    let mut noted = posted.clone();
    noted.test_and_set_on();
    check(&noted, &posted, &[&[0xec, 256], &nv[..]].concat(), &["bit 256: ON"]);
    let mut asleep = fresh.clone();
    asleep.set_control(Vector::POSTED_INTR_WAKEUP, CpuId(5), true);
    // 0xf1, and x2APIC ID 5.
    let expect = [257, 272, 276, 277, 278, 279, 288, 290];
    check(&asleep, &fresh, &expect, &["bit 257: SN", "bit 272: NV", "bit 288: NDST"]);
    let mut drained = noted.clone();
    drained.drain_pir();
    check(&drained, &noted, &[&[256], &nv[..]].concat(), &["bit 236: PIR, vector 0xec"]);
}

#[test]
fn the_words_say_what_the_bits_do() {
    let mut desc = PiDesc::new(CpuId(3));
    desc.test_and_set_pir(Vector::LOCAL_TIMER);
    desc.test_and_set_on();
    let svg = layout_svg(&Layout { id: "layout", now: &desc, before: &desc, width: 340 });
    let doc = Document::parse(&svg).expect("well formed");
    let words = "The descriptor's 512 bits: PIR 0xec; ON 1, SN 0, NV 0xf2, NDST 3";
    assert_eq!(doc.root_element().attribute("aria-label"), Some(words));
}
