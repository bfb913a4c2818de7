//! `exitless breakeven`.

use crate::{json, run, stdout};

const CLAIM: [&str; 5] = ["breakeven", "--benefit", "3%", "--exit-cost", "1.4us"];

fn claim<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [CLAIM.as_slice(), more].concat()
}

#[test]
fn the_answer_comes_with_its_assumptions() {
    let text = stdout(&claim(&[]), b"");
    for part in [
        "A benefit of 3 % at 1.4 µs an exit: 20,804 exits a second and vCPU were avoided.",
        "They took 29.126 ms of each second.",
        "of CPU time, not of work done: 21,429 exits",
        "Assumed:",
        "Moved, not removed.",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    assert!(!text.contains("in all"), "{text}");
    assert!(stdout(&claim(&["--cpus", "4"]), b"").contains("On 4 vCPUs: 83,218 exits a second in all."));
    let document = json(&claim(&["--cpus", "4", "--json"]), b"");
    assert_eq!(document["exits_avoided_per_second_and_vcpu"], 20_804);
    assert_eq!(document["exits_avoided_per_second"], 83_218);
    assert_eq!(document["if_the_benefit_is_a_share_of_cpu_time"], 21_429);
    assert_eq!(document["assumptions"].as_array().map(Vec::len), Some(5));
}

#[test]
fn other_quantities_are_refused() {
    for (args, part) in [
        (["breakeven", "--benefit", "3", "--exit-cost", "1us"], "a share such as 3%"),
        (["breakeven", "--benefit", "3%", "--exit-cost", "1400"], "a time such as 1.4us"),
        (["breakeven", "--benefit", "3%", "--exit-cost", "2900cycles"], "2900cycles@2.5GHz"),
    ] {
        let output = run(&args, b"");
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && message.contains(part), "{message}");
    }
    assert_eq!(run(&claim(&["--cpus", "0"]), b"").status.code(), Some(2));
}
