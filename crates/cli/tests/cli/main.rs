//! The command as a person meets it: arguments in, output, messages and exit status out.

mod apic;
mod bad_input;
mod breakeven;
mod calibration;
mod check;
mod compare;
mod crosscheck;
mod exports;
mod imports;
mod lessons;
mod links;
mod output;
mod recordings;
mod render;
mod roundtrip;
mod runs;

use serde_json::Value;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// `exitless` with arguments.
fn exitless(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_exitless"));
    command.args(args).stdin(Stdio::null());
    command
}

/// Runs it with `input` on standard input.
#[track_caller]
fn run(args: &[&str], input: &[u8]) -> Output {
    let mut command = exitless(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_vec();
    // A command that fails early reads nothing; that is its right.
    let feed = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("it ends");
    feed.join().expect("no panic");
    output
}

/// What it prints, if all is well.
#[track_caller]
fn stdout(args: &[&str], input: &[u8]) -> String {
    let output = run(args, input);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{args:?}: {} {errors}", output.status);
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The one JSON document that it prints.
#[track_caller]
fn json(args: &[&str], input: &[u8]) -> Value {
    let text = stdout(args, input);
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{args:?}: {e}\n{text}"))
}

/// The JSON objects that it prints, one a line.
#[track_caller]
fn lines(args: &[&str]) -> Vec<Value> {
    let text = stdout(args, b"");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

/// A recorded `perf script` file.
fn recording(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../kvm-trace/tests/data/traces");
    folder.join(format!("{name}.perf-script.txt")).display().to_string()
}
