//! The recordings of real guests. Every expected figure is counted here anew, by plain text search,
//! or was read off the file by hand.

use kvm_trace::{ArmKind, ArmList, EventKind, read_arms, read_events};

const DEADLINE_HALT: &str = include_str!("data/traces/deadline-halt.perf-script.txt");
const DEADLINE_BUSY: &str = include_str!("data/traces/deadline-busy.perf-script.txt");
const PERIODIC_HALT: &str = include_str!("data/traces/periodic-halt.perf-script.txt");

fn arms(text: &str) -> ArmList {
    read_arms(text.as_bytes()).expect("a recording with arms")
}

fn lines_with(text: &str, parts: &[&str]) -> usize {
    text.lines().filter(|line| parts.iter().all(|part| line.contains(part))).count()
}

/// What stands behind `key` in the line, up to the next blank.
fn behind<'a>(line: &'a str, key: &str) -> &'a str {
    let (_, rest) = line.split_once(key).expect("the field is there");
    rest.split(' ').next().expect("split gives at least one")
}

/// The line's time in nanoseconds: the fourth word from the left in these files, whose names have no
/// blanks, is `SECONDS.MICROS:`.
fn time_ns(line: &str) -> i64 {
    let time = line.split_whitespace().nth(3).expect("four words").trim_end_matches(':');
    let (seconds, micros) = time.split_once('.').expect("a fraction");
    let [seconds, micros] = [seconds, micros].map(|n| n.parse::<i64>().expect("digits"));
    seconds * 1_000_000_000 + micros * 1_000
}

/// The least time from reading the clock in an expiry of the APIC timer to its line.
fn offset_ns(text: &str) -> i64 {
    text.lines()
        .filter(|line| line.contains("hrtimer_expire_entry:") && line.contains("apic_timer_fn"))
        .map(|line| time_ns(line) - behind(line, "now=").parse::<i64>().expect("digits"))
        .min()
        .expect("the timer expires")
}

fn median(mut figures: Vec<i64>) -> i64 {
    figures.sort_unstable();
    figures[figures.len() / 2]
}

#[test]
fn every_write_of_the_deadline_is_an_arm_with_its_timer() {
    for (text, count, vcpu) in [(DEADLINE_HALT, 400, 29043), (DEADLINE_BUSY, 200, 8768)] {
        let list = arms(text);
        assert_eq!(lines_with(text, &["msr_write 6e0"]), count);
        assert_eq!(list.arms.len(), count);
        for arm in &list.arms {
            let line = text.lines().nth(usize::try_from(arm.line).unwrap() - 1).unwrap();
            assert!(line.ends_with(&format!("msr_write 6e0 = {:#x}", arm.written)), "{line}");
            assert_eq!(arm.time.ns().cast_signed(), time_ns(line));
            assert_eq!((arm.kind, arm.thread.0), (ArmKind::Deadline, vcpu), "{line}");
        }
        assert_eq!(list.arms.iter().filter(|arm| arm.deadline.is_none()).count(), 0);
        assert_eq!((list.disarms, list.restarts), (0, 0));
        assert_eq!(list.vcpus(), [kvm_trace::Tid(vcpu)]);
    }
}

/// That each arm has its own timer and not its neighbour's: this guest's TSC runs at 2 GHz, so what it
/// wrote and when the host's timer expires differ by the same amount for all arms, but for the time
/// between KVM's reading the one clock and the other. Two arms lie at least 1 ms apart.
#[test]
fn deadlines_agree_with_what_the_guest_wrote() {
    for text in [DEADLINE_HALT, DEADLINE_BUSY] {
        let list = arms(text);
        let differences: Vec<i64> = list
            .arms
            .iter()
            .map(|arm| {
                let guest = (arm.written / 2).cast_signed();
                arm.deadline.expect("all have one").ns().cast_signed() - guest
            })
            .collect();
        let middle = median(differences.clone());
        for (difference, arm) in differences.iter().zip(&list.arms) {
            let apart = (difference - middle).abs();
            assert!(apart < 10_000, "line {}: {apart} ns", arm.line);
        }
    }
}

#[test]
fn the_deadline_is_about_a_millisecond_ahead() {
    for (text, count) in [(DEADLINE_HALT, 400), (DEADLINE_BUSY, 200)] {
        let list = arms(text);
        let offset = offset_ns(text);
        assert_eq!(list.clock_offset.ns(), offset);
        let from_starts: Vec<i64> = text
            .lines()
            .filter(|line| line.contains("hrtimer_start:") && line.contains("apic_timer_fn"))
            .map(|line| behind(line, " expires=").parse::<i64>().expect("digits") + offset - time_ns(line))
            .collect();
        assert_eq!(from_starts.len(), count);
        let replay = list.replay(list.vcpus()[0]);
        assert_eq!(replay.len(), count);
        assert_eq!(replay[0].at_ns, 0);
        assert!(replay.is_sorted_by(|a, b| a.at_ns < b.at_ns));
        let ahead: Vec<i64> = replay.iter().map(|arm| (arm.deadline_ns - arm.at_ns).cast_signed()).collect();
        // The line of the write is printed after the one of the start, hence a little less.
        let (expect, found) = (median(from_starts), median(ahead.clone()));
        assert!((0..10_000).contains(&(expect - found)), "{expect} {found}");
        assert!((980_000..1_000_000).contains(&found), "{found}");
        assert!(ahead.iter().all(|ns| (900_000..1_000_000).contains(ns)));
    }
}

/// The guest writes its initial count once. After that the timer's callback requeues it 451 times,
/// once for each expiry.
#[test]
fn a_periodic_timer_is_armed_once() {
    let list = arms(PERIODIC_HALT);
    assert_eq!(lines_with(PERIODIC_HALT, &["APIC_TMICT"]), 1);
    assert_eq!(lines_with(PERIODIC_HALT, &["msr_write 838"]), 1);
    let [arm] = list.arms[..] else { panic!("{} arms", list.arms.len()) };
    assert_eq!((arm.kind, arm.written, arm.line), (ArmKind::Tmict, 0xf4240, 93));
    assert_eq!(arm.deadline.map(kvm_trace::MonotonicTime::ns), Some(2_495_809_482_560));
    let expiries = lines_with(PERIODIC_HALT, &["hrtimer_expire_entry:", "apic_timer_fn"]);
    assert_eq!(list.restarts, expiries as u64);
    assert_eq!(list.restarts, 451);
    // 1 ms at a bus clock of 1 GHz, less what passes between the two lines and KVM's two readings of
    // the clock.
    let [replay] = list.replay(arm.thread)[..] else { panic!("one arm") };
    assert_eq!(replay.at_ns, 0);
    assert!((950_000..1_010_000).contains(&replay.deadline_ns), "{}", replay.deadline_ns);
}

#[test]
fn every_line_is_understood() {
    for text in [DEADLINE_HALT, DEADLINE_BUSY, PERIODIC_HALT] {
        let mut by_kind = [0_usize; 4];
        let coverage = read_events(text.as_bytes(), |line, event| {
            assert!(line >= 1);
            by_kind[match event.kind {
                EventKind::MsrWrite { .. } | EventKind::MsrRead { .. } => 0,
                EventKind::ApicWrite { .. } | EventKind::ApicRead { .. } => 1,
                EventKind::HrtimerStart { .. } => 2,
                _ => 3,
            }] += 1;
        })
        .expect("a recording");
        let lines = text.lines().count();
        assert_eq!(coverage.lines, lines as u64);
        assert_eq!(coverage.events, lines as u64);
        assert_eq!((coverage.unparsed, coverage.first_unparsed), (0, vec![]));
        let named = ["kvm:kvm_msr:", "kvm:kvm_apic:", "timer:hrtimer_start:"];
        let named = named.map(|name| lines_with(text, &[name]));
        assert_eq!(by_kind[..3], named);
        assert_eq!(by_kind[3], lines - named.iter().sum::<usize>());
    }
}
