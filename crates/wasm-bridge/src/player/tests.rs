use super::{Player, Refusal};
use apic_core::scenario::PRESETS;
use serde_json::Value;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn opened(source: &str) -> Player {
    Player::opened(source).expect("a preset or a link that was made here")
}

fn state(player: &mut Player) -> Value {
    serde_json::from_str(&player.state()).expect("an object")
}

#[test]
fn every_preset_opens_steps_and_comes_back_by_its_link() {
    for preset in PRESETS {
        let mut player = opened(preset.name);
        assert_eq!(player.fragment(), preset.name);
        player.seek(player.position() + 1);
        let (before, link) = (state(&mut player), player.fragment());
        assert_eq!(state(&mut opened(&link)), before, "{link}");
    }
}

#[test]
fn the_state_is_that_of_the_machine() {
    let mut player = opened("pinned-vs-offloaded");
    let set = |state: &Value| {
        let posted = state["paths"].as_array().and_then(|all| all.iter().find(|path| path["key"] == "posted"));
        posted.is_some_and(|path| path["vcpus"][0]["pir"] == serde_json::json!([0xec]))
    };
    let on = (0..player.length()).find(|step| {
        player.seek(*step);
        set(&state(&mut player))
    });
    let state = on.map(|_| state(&mut player)).expect("the offloaded path posts");
    assert_eq!(state["step"], player.position());
    assert!(state["sentence"].as_str().is_some_and(|text| text.contains("0xec")), "{}", state["sentence"]);
    assert_eq!(state["rule"]["id"], "C8");
}

#[test]
fn a_moment_is_found_forwards_and_backwards() {
    let mut player = opened("pinned-vs-offloaded");
    player.seek(0);
    let first = player.place_of("exit", true).expect("a kind").expect("there is an exit");
    player.seek(player.length());
    let last = player.place_of("exit", false).expect("a kind").expect("there is an exit");
    assert!(first < last);
    let Refusal { code, text } = player.place_of("lunch", true).expect_err("none is called that");
    assert!(code == "moment" && text.contains("ipi-not-sent"), "{text}");
}

#[test]
fn events_are_those_of_the_command_line() {
    let player = opened("pinned-vs-offloaded");
    let listed: Vec<Value> = serde_json::from_str(&player.event_list("posted", 2, 5).expect("a path")).expect("a list");
    let lines = crate::api::event_lines("pinned-vs-offloaded", "posted").expect("a path");
    let told: Vec<Value> =
        lines.lines().skip(2).take(3).map(|line| serde_json::from_str(line).expect("an object")).collect();
    assert_eq!(listed, told);
    let error = player.event_list("hv", 0, 9).expect_err("not in this run");
    assert!(error.text.contains("pinned, posted"), "{}", error.text);
}

#[track_caller]
fn refused(source: &str, code: &str, part: &str) {
    let error = Player::opened(source).expect_err(source);
    assert_eq!(error.code, code, "{}", error.text);
    assert!(error.text.contains(part), "{}", error.text);
}

#[test]
fn what_cannot_be_opened_says_why() {
    refused("teatime", "not-a-link", "pinned-vs-offloaded");
    refused("v9.AAAA", "newer-link", "version 9");
    refused("v3.ARNwaW5uZWQtdnMtb2ZmbG9hZGVkAAEmAAAAAVryyCt", "damaged-link", "damaged");
}

#[test]
fn figures_stand_alone_and_themes_are_named() {
    let mut player = opened("amd-avic");
    let svg = player.drawn(800, "dark").expect("a theme");
    assert!(svg.starts_with("<svg xmlns=") && svg.contains("<style>"));
    assert_eq!(player.drawn(800, "mauve").expect_err("no theme").code, "theme");
    assert!(!player.stage(0, 700, "a").contains("<style>"));
    assert!(player.text("https://example.org/").ends_with("https://example.org/#amd-avic\n"));
}
