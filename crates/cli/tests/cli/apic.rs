//! `exitless apic`: answers on standard output as they come, errors with their line on standard error.

use crate::{run, stdout};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

const PERIODIC: &[u8] = b"\
write LVTT 0x200ee # periodic
write TDCR 0xb

write TMICT 1600000
advance 3200000
fired
read LVTT
read EOI
expiries
ipis
exits
state
fired
";

#[test]
fn every_question_has_one_line() {
    let expect = "\
fired 0xee@1600000 0xee@3200000
LVTT 0x200ee
EOI #GP
expiries 2
ipis 0
exits EXTERNAL_INTERRUPT=2 MSR_READ=1 MSR_WRITE=3
PIR={} ON=0 SN=0 NV=0xf2 NDST=0 VIRR={} VISR={} RVI=0x0 SVI=0x0 VPPR=0x0 mode=IN_GUEST_MODE activity=active
fired none
";
    assert_eq!(stdout(&["apic"], PERIODIC), expect);
    assert_eq!(stdout(&["apic", "-"], PERIODIC), expect);
    let file = std::env::temp_dir().join(format!("exitless-apic-{}.txt", std::process::id()));
    std::fs::write(&file, PERIODIC).expect("a file");
    assert_eq!(stdout(&["apic", &file.display().to_string()], b""), expect);
    std::fs::remove_file(file).expect("it is there");
}

#[track_caller]
fn stops(script: &str, answers: &str, message: &str) {
    let output = run(&["apic"], script.as_bytes());
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8_lossy(&output.stdout), answers);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.starts_with(&format!("exitless: {message}")), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
}

#[test]
fn what_cannot_be_read_or_obeyed_stops_with_its_line() {
    stops("ipis\n\njump 3\nipis\n", "ipis 0\n", "line 3: there is no command \"jump\"");
    stops("read TMICT\nread TMR\n", "TMICT 0x0\n", "line 2: there is no register \"TMR\"");
    stops("# nothing\nrestore\n", "", "line 2: restore: nothing was saved");
    stops(
        "vendor hardware\nwrite LVTT 0x20030\nwrite TDCR 0xb\nwrite TMICT 1\nadvance 0xffffffffff\n",
        "",
        "line 5: more than",
    );
    stops("adv\u{1b}[31m\n", "", "line 1: there is no command \"adv\\u{1b}[31m\"");
    let output = run(&["apic", "no-such-file"], b"");
    assert_eq!(output.status.code(), Some(2));
    let output = run(&["apic"], b"\xff\xfe\n");
    assert_eq!(output.status.code(), Some(2), "not a text");
}

#[test]
fn an_answer_comes_before_the_next_command() {
    let mut command = crate::exitless(&["apic"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("piped");
    let mut answers = BufReader::new(child.stdout.take().expect("piped"));
    for (command, expect) in [("read SVR\n", "SVR 0x1ff\n"), ("read LVTT\n", "LVTT 0x10000\n")] {
        stdin.write_all(command.as_bytes()).expect("it reads");
        let mut line = String::new();
        answers.read_line(&mut line).expect("it answers");
        assert_eq!(line, expect);
    }
    drop(stdin);
    assert!(child.wait().expect("it ends").success());
}
