//! `cargo xtask lint`: what can be said about the code without running it.
//!
//! Formatting, clippy for native and for wasm32, documentation, dependency fences, licences, and that every crate takes
//! the workspace's lints (which forbid `unsafe`).

use std::fs;

use serde_json::Value;

use crate::error::Error;
use crate::fences::{self, Graph};
use crate::licences;
use crate::phases::Phases;
use crate::places::Places;
use crate::setup::{self, TARGET};
use crate::shell;

/// Built for wasm32 only; everything else is native first.
const WASM_CRATES: [&str; 3] = ["lab", "ui", "wasm-bridge"];

pub(crate) fn run(places: &Places) -> Result<(), Error> {
    let mut phases = Phases::default();
    let toolchain = phases.run("set-up", || {
        setup::require_component("rustfmt")?;
        setup::require_component("clippy")?;
        let toolchain = setup::wasm_toolchain(places)?;
        setup::wasm_clippy(&toolchain)?;
        println!("{}.", toolchain.says());
        Ok(toolchain)
    });
    phases.run("formatting", || {
        shell::run("cargo fmt --check", shell::cargo(&places.root).args(["fmt", "--all", "--check"]))
    });
    phases.run("clippy, native", || {
        let mut cargo = shell::cargo(&places.root);
        cargo.args(["clippy", "--locked", "--workspace", "--all-targets"]);
        for krate in WASM_CRATES {
            cargo.args(["--exclude", krate]);
        }
        shell::run("clippy", cargo.args(["--", "-D", "warnings"]))
    });
    let wasm = toolchain.as_ref();
    phases.run_with(wasm, "clippy, wasm32", |toolchain| {
        let mut cargo = toolchain.cargo(places)?;
        // The workspace crates below these are linted with them, for wasm32 too.
        cargo.args(["clippy", "--locked", "--all-targets", "--target", TARGET]);
        for krate in WASM_CRATES {
            cargo.args(["-p", krate]);
        }
        shell::run("clippy for wasm32", cargo.args(["--", "-D", "warnings"]))
    });
    phases.run("documentation, native", || {
        let mut cargo = shell::cargo(&places.root);
        cargo.args(["doc", "--locked", "--no-deps", "--workspace"]);
        for krate in WASM_CRATES {
            cargo.args(["--exclude", krate]);
        }
        shell::run("cargo doc", cargo.env("RUSTDOCFLAGS", "-D warnings"))
    });
    phases.run_with(wasm, "documentation, wasm32", |toolchain| {
        let mut cargo = toolchain.cargo(places)?;
        cargo.args(["doc", "--locked", "--no-deps", "--target", TARGET]);
        for krate in WASM_CRATES {
            cargo.args(["-p", krate]);
        }
        let flags = format!("-D warnings {}", toolchain.sysroot_flag());
        shell::run("cargo doc for wasm32", cargo.env("RUSTDOCFLAGS", flags.trim()))
    });
    let metadata = phases.run("cargo metadata", || metadata(places));
    phases.run_with(metadata.as_ref(), "dependency fences", |metadata| {
        let graph = Graph::read(metadata).ok_or_else(|| Error::Unexpected {
            what: "cargo metadata".into(),
            detail: "its document has another shape".into(),
        })?;
        none_of("arrows that must not be", fences::check(&graph))
    });
    phases.run_with(metadata.as_ref(), "licences", |metadata| {
        none_of("licences that are not in the list (xtask/src/licences.rs)", licences::check(metadata))
    });
    phases.run_with(metadata.as_ref(), "lint tables", |metadata| {
        none_of("crates that do not take the workspace's lints", without_lints(metadata)?)
    });
    phases.finish("lint")
}

fn metadata(places: &Places) -> Result<Value, Error> {
    let mut cargo = shell::cargo(&places.root);
    let text = shell::output("cargo metadata", cargo.args(["metadata", "--format-version", "1", "--locked"]))?;
    serde_json::from_str(&text)
        .map_err(|error| Error::Unexpected { what: "cargo metadata".into(), detail: error.to_string() })
}

/// Crates with a table of their own, and why.
const OWN_LINTS: [(&str, &str); 1] =
    [("kvm-memory", "KVM_SET_USER_MEMORY_REGION is unsafe by nature; the table denies every other unsafe block")];

/// The workspace forbids `unsafe`, but only for crates that say `[lints] workspace = true`.
fn without_lints(metadata: &Value) -> Result<Vec<String>, Error> {
    let mut findings = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let Some(manifest) = package["manifest_path"].as_str().filter(|_| package["source"].is_null()) else {
            continue;
        };
        if OWN_LINTS.iter().any(|(name, _)| package["name"] == **name) {
            continue;
        }
        let text = fs::read_to_string(manifest).map_err(Error::file("read", manifest))?;
        if !takes_workspace_lints(&text) {
            findings.push(manifest.to_owned());
        }
    }
    Ok(findings)
}

fn takes_workspace_lints(manifest: &str) -> bool {
    let mut section = "";
    manifest.lines().map(str::trim).any(|line| {
        if line.starts_with('[') {
            section = line;
        }
        section == "[lints]" && line == "workspace = true"
    })
}

fn none_of(heading: &str, findings: Vec<String>) -> Result<(), Error> {
    if findings.is_empty() {
        return Ok(());
    }
    Err(Error::Findings { heading: heading.to_owned(), findings })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lints_are_taken_only_in_their_own_section() {
        assert!(takes_workspace_lints("[package]\nname = \"x\"\n[lints]\nworkspace = true\n"));
        assert!(!takes_workspace_lints("[dependencies.x]\nworkspace = true\n[lints]\n"));
        assert!(!takes_workspace_lints("[package]\nname = \"x\"\n"));
    }
}
