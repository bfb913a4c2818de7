//! Set-up: a step of every command, never one of its own that somebody could forget.
//!
//! Idempotent: what is there is not installed again, and nothing is said about it. What is missing is announced
//! with its reason before it is installed. Tools live in the cache by version, so a second checkout pays nothing.
//! It leaves out what it cannot do well: a C linker, Node and a Rust toolchain have to be there already.

mod apt;
mod browser;
mod cxx;
pub(crate) mod own_std;
mod rust_target;
mod tools;

pub(crate) use browser::{chromium, firefox, node_packages};
pub(crate) use cxx::cxx;
pub(crate) use rust_target::{TARGET, WasmToolchain, clippy as wasm_clippy, wasm as wasm_toolchain};
pub(crate) use tools::{SiteTools, cargo_mutants, mdbook, require_component, site as site_tools, wasm_bindgen};

use crate::error::Error;
use crate::places::Places;

pub(crate) fn everything(places: &Places) -> Result<(), Error> {
    let toolchain = wasm_toolchain(places)?;
    wasm_clippy(&toolchain)?;
    site_tools(places)?;
    own_std::possible(&toolchain, places);
    let browser = chromium()?;
    let firefox = firefox();
    node_packages(places)?;
    mdbook(places)?;
    println!("All is set up: {}; Chromium is {}.", toolchain.says(), browser.display());
    if let Some(firefox) = firefox {
        println!("Firefox is {}.", firefox.display());
    }
    Ok(())
}

/// Says what is about to be installed, and why. Everything installed goes through here.
fn announce(what: &str, why: &str, cost: &str) {
    println!("Installing {what}: {why} ({cost}).");
}
