//! What every page of every preset must hold, at every width.

use apic_core::effect::Effect;
use apic_core::run::Lockstep;
use apic_core::scenario::{PRESETS, preset};
use scene::{Area, DisplayList, Mark, Moment, PageData, Projection, Shape, Stage, View, When};
use std::collections::BTreeSet;

fn view(width: u32) -> View {
    View { width, projection: Projection::for_width(width), id: "stage0".to_owned() }
}

fn attr<'a>(mark: &'a Mark, key: &str) -> &'a str {
    mark.data.iter().find(|(k, _)| *k == key).map_or("", |(_, v)| v)
}

/// Every page of every preset at several of its moments.
fn each_page(mut look: impl FnMut(&str, &PageData, usize, &Moment)) {
    for p in PRESETS {
        let mut lockstep = Lockstep::new(&p.scenario().expect("it ships"));
        for (tick, beats) in lockstep.ticks().to_vec().into_iter().enumerate() {
            let page = PageData::collect(&lockstep, tick);
            for position in [beats.start, beats.start + 1, beats.start + beats.len() / 2, beats.end] {
                lockstep.seek(position);
                for path in 0..page.paths().len() {
                    look(p.name, &page, path, &Moment::of(&lockstep, path));
                }
            }
        }
    }
}

fn opening(name: &str, width: u32) -> Vec<(PageData, Stage, DisplayList)> {
    let mut lockstep = Lockstep::new(&preset(name).expect("it ships"));
    lockstep.seek(lockstep.opening());
    let page = PageData::collect(&lockstep, lockstep.tick_of(lockstep.position() - 1));
    (0..page.paths().len())
        .map(|path| {
            let moment = Moment::of(&lockstep, path);
            let (stage, list) =
                (page.draw(path, &moment, &view(width)), page.display_list(path, &moment, &view(width)));
            (page.clone(), stage, list)
        })
        .collect()
}

#[test]
fn the_svg_is_well_formed_and_carries_no_styles() {
    each_page(|name, page, path, moment| {
        for width in [340, 1_000] {
            let stage = page.draw(path, moment, &view(width));
            let doc = roxmltree::Document::parse(&stage.svg).unwrap_or_else(|e| panic!("{name}: {e}"));
            for node in doc.descendants().filter(roxmltree::Node::is_element) {
                assert!(!node.has_attribute("style") && node.tag_name().name() != "style", "{name}");
                for a in node.attributes() {
                    assert!(
                        !a.value().contains("NaN") && !a.value().contains("inf"),
                        "{name}: {}={}",
                        a.name(),
                        a.value()
                    );
                }
            }
            let root = doc.root_element();
            assert_eq!(root.attribute("role"), Some("img"));
            assert_eq!(root.attribute("aria-label"), Some(stage.alt.as_str()));
            assert_eq!(root.attribute("height"), Some(stage.height.to_string().as_str()), "{name}");
        }
    });
}

#[test]
fn text_from_a_scenario_is_escaped() {
    let mut scenario = preset("pinned-vs-offloaded").expect("it ships");
    scenario.meta.title = "<script>\"&'".to_owned();
    let lockstep = Lockstep::new(&scenario);
    let page = PageData::collect(&lockstep, 0);
    let view = View { id: "a\"><script>".to_owned(), ..view(1_000) };
    let svg = page.draw(0, &Moment::of(&lockstep, 0), &view).svg;
    assert!(roxmltree::Document::parse(&svg).is_ok() && !svg.contains("<script"), "{svg}");
}

#[test]
fn two_stages_share_no_id() {
    let lockstep = Lockstep::new(&preset("pinned-vs-offloaded").expect("it ships"));
    let page = PageData::collect(&lockstep, 0);
    let ids = |path: usize| -> BTreeSet<String> {
        let view = View { id: format!("s{path}"), ..view(1_000) };
        let svg = page.draw(path, &Moment::of(&lockstep, path), &view).svg;
        let doc = roxmltree::Document::parse(&svg).expect("well formed");
        doc.descendants().filter_map(|n| n.attribute("id").map(str::to_owned)).collect()
    };
    assert!(!ids(0).is_empty() && ids(0).is_disjoint(&ids(1)));
}

/// The texts of a list, with where they are.
fn texts(list: &DisplayList) -> Vec<(Area, &str)> {
    let shapes = list.marks.iter().flat_map(|m| &m.shapes);
    shapes
        .filter_map(|s| match s {
            Shape::Text { text, .. } => s.text_area().map(|a| (a, text.as_str())),
            _ => None,
        })
        .collect()
}

#[track_caller]
fn check_apart(list: &DisplayList, of: &str) {
    let texts = texts(list);
    for (i, (a, one)) in texts.iter().enumerate() {
        assert!(a.y0 >= -1.0 && a.y1 <= list.height + 1.0, "{of}: {one:?} leaves the stage");
        for (b, other) in &texts[i + 1..] {
            assert!(!a.meets(b), "{of}: {one:?} and {other:?} overlap: {a:?} {b:?}");
        }
    }
}

#[test]
fn labels_do_not_overlap() {
    each_page(|name, page, path, moment| {
        for width in [720, 1_000, 1_400] {
            let list = page.display_list(path, moment, &view(width));
            check_apart(&list, &format!("{name} path {path} at {width} px"));
        }
    });
}

#[test]
fn labels_do_not_overlap_on_a_narrow_screen_with_two_lanes() {
    for name in ["pinned-vs-offloaded", "idle-housekeeper", "seed-2019", "recorded-arms"] {
        for (_, _, list) in opening(name, 358) {
            check_apart(&list, name);
        }
    }
}

#[test]
fn the_main_labels_are_all_there() {
    for width in [358, 1_000] {
        let stages = opening("pinned-vs-offloaded", width);
        let said = |i: usize| texts(&stages[i].2).iter().map(|(_, t)| *t).collect::<Vec<_>>().join(" | ");
        let (pinned, posted) = (said(0), said(1));
        for expect in
            ["EXTERNAL_INTERRUPT", "0xec, 1.21 µs", "WRMSR deadline", "queued on", "fires here", "handler, vector"]
        {
            assert!(pinned.contains(expect), "{width}: {expect:?} in {pinned}");
        }
        for expect in ["WRMSR deadline", "PIR[0xec] ← 1", "ON 0 → 1", "0xf2", "ON 1 → 0", "handler, vector 0xec"]
        {
            assert!(posted.contains(expect), "{width}: {expect:?} in {posted}");
        }
        assert!(!posted.contains("EXTERNAL_INTERRUPT"), "{posted}");
    }
}

#[test]
fn an_exit_gap_is_drawn_for_every_exit_and_for_nothing_else() {
    each_page(|name, page, path, moment| {
        let records = &page.paths()[path].records;
        let exits = |r: &&apic_core::run::StepRecord| r.effects.iter().any(|e| matches!(e, Effect::Exit { .. }));
        let expect: BTreeSet<u32> = records.iter().filter(exits).map(|r| r.index).collect();
        for width in [340, 1_000] {
            let list = page.display_list(path, moment, &view(width));
            let gaps = list.marks.iter().filter(|m| m.kind == "exit");
            let drawn: BTreeSet<u32> = gaps.clone().filter_map(|m| m.step).collect();
            assert_eq!(drawn, expect, "{name}");
            for gap in gaps {
                let hatched = gap.shapes.iter().any(
                    |s| matches!(s, Shape::Rect([_, _, w, h], c) if c.starts_with("exit") && *w >= 3.0 && *h >= 3.0),
                );
                assert!(hatched, "{name}: {}", gap.label);
            }
        }
        assert_eq!(page.tally(path).exits as usize, expect.len());
    });
}

#[test]
fn arrows_go_from_the_senders_lane_to_the_receivers() {
    let mut arrows = 0;
    each_page(|name, page, path, moment| {
        let list = page.display_list(path, moment, &view(1_000));
        let lanes: Vec<(&str, f64, f64)> = list
            .marks
            .iter()
            .filter(|m| m.kind == "lane")
            .map(|m| match m.shapes[0] {
                Shape::Rect([_, y, _, h], _) => (attr(m, "cpu"), y, y + h),
                _ => panic!("a lane is a band"),
            })
            .collect();
        let lane = |cpu: &str| *lanes.iter().find(|l| l.0 == cpu).unwrap_or_else(|| panic!("{name}: no lane {cpu}"));
        for arrow in list.marks.iter().filter(|m| m.kind == "ipi") {
            arrows += 1;
            let to = lane(attr(arrow, "to"));
            // The VT-d unit has no lane: it notifies from just above the receiver's.
            let above = |to: (_, f64, _)| ("vtd", to.1 - 30.0, to.1);
            let from = if attr(arrow, "from") == "vtd" { above(to) } else { lane(attr(arrow, "from")) };
            let (Shape::Line([x1, y1, ..], _), Shape::Path(head, _)) = (&arrow.shapes[0], &arrow.shapes[1]) else {
                panic!("{name}: a line and a head");
            };
            assert!(from.1 <= *y1 && *y1 <= from.2, "{name}: the tail is at the sender");
            let tip: Vec<f64> =
                head[1..head.find('L').expect("a triangle")].split(' ').map(|n| n.parse().expect("a number")).collect();
            assert!(to.1 <= tip[1] && tip[1] <= to.2, "{name}: the head is at the receiver");
            assert!(tip[0] > *x1, "{name}: it takes time");
        }
    });
    assert!(arrows > 0);
}

#[test]
fn past_and_future_part_at_the_playhead() {
    each_page(|name, page, path, moment| {
        let list = page.display_list(path, moment, &view(1_000));
        for mark in &list.marks {
            let Some(step) = mark.step else { continue };
            let expect = match (step < moment.taken, moment.step == Some(step)) {
                (false, _) => When::Future,
                (true, true) if mark.kind != "playhead" => When::Now,
                (true, _) => When::Past,
            };
            assert_eq!(mark.when, expect, "{name}: {}", mark.label);
        }
        assert_eq!(list.marks.iter().filter(|m| m.kind == "playhead").count(), 1);
    });
}

#[test]
fn a_refusal_is_drawn_and_the_expiry_costs_an_exit() {
    let stages = opening("idle-housekeeper", 1_000);
    let (_, stage, list) = &stages[1];
    let refused: Vec<&Mark> = list.marks.iter().filter(|m| m.kind == "refused").collect();
    assert_eq!(refused.len(), 1);
    assert_eq!((attr(refused[0], "cpu"), attr(refused[0], "rule")), ("0", "R3"));
    assert_eq!(refused[0].label, "core 0 refused: next event never");
    let fire = list.marks.iter().find(|m| m.kind == "fire").expect("it fires");
    assert_eq!(attr(fire, "cpu"), "3");
    assert_eq!((stage.tally.exits, stage.tally.ipis), (2, 0));
}

#[test]
fn the_picture_in_words_says_what_the_sentence_says() {
    let stages = opening("pinned-vs-offloaded", 1_000);
    assert_eq!(
        stages[1].1.alt,
        "Offloaded, this tick: 1 exit, 1 IPI. Core 0, the housekeeper, sent the notification, vector 0xf2, to core 3. vCPU \
         0 did not exit."
    );
}

#[test]
fn an_absent_path_or_page_draws_nothing_and_does_not_panic() {
    let lockstep = Lockstep::new(&preset("pinned-vs-offloaded").expect("it ships"));
    for (tick, path) in [(0, 9), (99, 0)] {
        let page = PageData::collect(&lockstep, tick);
        for width in [0, 1, 300, 1_000] {
            let stage = page.draw(path, &Moment::of(&lockstep, path), &view(width));
            assert!(roxmltree::Document::parse(&stage.svg).is_ok(), "{}", stage.svg);
        }
    }
}

#[test]
fn text_has_eighty_columns_and_marks_the_present() {
    each_page(|name, page, path, moment| {
        let text = page.text(path, moment);
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{name}: {line:?}");
        }
        let marked = text.lines().filter(|l| l.starts_with('>')).count();
        let inside = page.paths()[path].records.iter().any(|r| r.index + 1 == moment.taken);
        assert_eq!(marked, usize::from(inside), "{name}");
    });
}

/// A host with many guests, few housekeepers and exits of other kinds: more than a stage has room for.
#[test]
fn a_crowded_page_stays_well_formed() {
    let mut scenario = preset("pinned-vs-offloaded").expect("it ships");
    scenario.host.topology.cores = 24;
    scenario.host.nohz_full = (2..24).map(apic_core::units::CpuId).collect();
    let vcpu = |i: u16| apic_core::scenario::Vcpu {
        cpu: apic_core::units::CpuId(4 + i),
        start_us: u64::from(i) * 7,
        rival: None,
    };
    scenario.vcpus = (0..16).map(vcpu).collect();
    scenario.guest.other_exits =
        Some(apic_core::scenario::OtherExits { period_us: 90, first_us: 40, handling_ns: 600, interrupts: None });
    scenario.run.expiries = 32;
    scenario.validate().expect("a possible host");
    let mut lockstep = Lockstep::new(&scenario);
    for (tick, beats) in lockstep.ticks().to_vec().into_iter().enumerate() {
        lockstep.seek(beats.start + beats.len() / 2);
        let page = PageData::collect(&lockstep, tick);
        for path in 0..2 {
            for width in [358, 700, 1_000] {
                let moment = Moment::of(&lockstep, path);
                let list = page.display_list(path, &moment, &view(width));
                let svg = page.draw(path, &moment, &view(width)).svg;
                assert!(roxmltree::Document::parse(&svg).is_ok() && !svg.contains("NaN"));
                if width == 1_000 {
                    check_apart(&list, "crowded");
                }
            }
        }
    }
}
