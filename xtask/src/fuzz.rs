//! `cargo xtask fuzz`: libFuzzer on the reader of recordings, for a bounded time, on the stable compiler.
//!
//! cargo-fuzz asks for a nightly compiler because of its sanitizers. The reader has no `unsafe` that an address sanitizer
//! could watch, and coverage alone is a pass of LLVM that stable compilers have as well. The target and its corpus lie
//! where cargo-fuzz looks for them, so that `cargo fuzz run recording` works beside this.

use std::process::Command;

use crate::error::Error;
use crate::places::Places;
use crate::{setup, shell};

/// Longer inputs find nothing that shorter ones do not, and are slow.
const LONGEST: u32 = 16 * 1024;

/// More than the target's own check allows would be a fault of the fuzzer.
const MEMORY_MB: u32 = 1_024;

pub(crate) fn run(places: &Places, options: &[String]) -> Result<(), Error> {
    recordings(places, seconds(options)?)
}

fn seconds(options: &[String]) -> Result<u32, Error> {
    match options {
        [] => Ok(60),
        [name, seconds] if name == "--seconds" => seconds
            .parse()
            .ok()
            .filter(|seconds| *seconds > 0)
            .ok_or_else(|| Error::Usage(format!("--seconds takes a whole number from 1, got {seconds:?}"))),
        _ => Err(Error::Usage(format!("fuzz takes --seconds N, got {:?}", options.join(" ")))),
    }
}

/// Builds the target and runs it. What it finds is left in `fuzz/artifacts`, and its command line says how to run it again.
pub(crate) fn recordings(places: &Places, seconds: u32) -> Result<(), Error> {
    setup::cxx()?;
    let folder = places.root.join("crates/kvm-trace/fuzz");
    let target = places.target().join("fuzz");
    let host = host()?;
    let mut cargo = shell::cargo(&folder);
    // With --target, the flags are not for build scripts.
    cargo.args(["build", "--release", "--locked", "--target", &host]).env("CARGO_TARGET_DIR", &target).env(
        "RUSTFLAGS",
        "--cfg fuzzing -Cpasses=sancov-module -Ccodegen-units=1 -Cllvm-args=-sanitizer-coverage-level=4 \
         -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
         -Cllvm-args=-sanitizer-coverage-trace-compares",
    );
    shell::run("building the fuzz target", &mut cargo)?;
    // What it learns goes to a folder that is not kept; the corpus is only read.
    let (grown, artifacts) = (target.join("grown"), folder.join("artifacts"));
    for made in [&grown, &artifacts] {
        std::fs::create_dir_all(made).map_err(Error::file("make", made))?;
    }
    let mut fuzzer = Command::new(target.join(host).join("release/recording"));
    fuzzer
        .arg(grown)
        .arg(folder.join("corpus/recording"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={LONGEST}"))
        .arg(format!("-rss_limit_mb={MEMORY_MB}"))
        .args(["-timeout=10", "-print_final_stats=1", "-verbosity=0"]);
    // What it says on the way is long, and of use only where it has found something.
    let output = fuzzer.output().map_err(|source| Error::Start { program: "the fuzzer".into(), source })?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        eprintln!("{said}");
        return Err(Error::Failed {
            what: "fuzzing the reader of recordings".into(),
            status: output.status.to_string(),
            command: "cargo xtask fuzz; the input is in crates/kvm-trace/fuzz/artifacts".into(),
        });
    }
    for line in said.lines().filter_map(|line| line.strip_prefix("stat::")) {
        println!("{line}");
    }
    Ok(())
}

/// The machine that the compiler builds for when it is not told.
fn host() -> Result<String, Error> {
    let text = shell::output("rustc -vV", Command::new("rustc").arg("-vV"))?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .ok_or_else(|| Error::Unexpected { what: "rustc -vV".into(), detail: "it names no host".into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long() {
        let of = |options: &[&str]| seconds(&options.iter().map(|o| (*o).to_owned()).collect::<Vec<_>>()).ok();
        assert_eq!([of(&[]), of(&["--seconds", "5"])], [Some(60), Some(5)]);
        for wrong in [&["--seconds"][..], &["--seconds", "0"], &["--seconds", "x"], &["5"]] {
            assert_eq!(of(wrong), None, "{wrong:?}");
        }
    }
}
