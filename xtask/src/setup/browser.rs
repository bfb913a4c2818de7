//! A Chromium, a Firefox and the npm packages that drive them.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::{announce, apt, tools};
use crate::error::Error;
use crate::places::Places;
use crate::shell;

/// Names under which systems install the browser.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// The browser of the browser tests: `$EXITLESS_CHROMIUM`, one on PATH, or Debian's.
pub(crate) fn chromium() -> Result<PathBuf, Error> {
    if let Some(chosen) = env::var_os("EXITLESS_CHROMIUM").map(PathBuf::from) {
        if chosen.is_file() {
            return Ok(chosen);
        }
        return Err(Error::Missing {
            program: chosen.display().to_string(),
            remedy: "EXITLESS_CHROMIUM must name the browser's executable".into(),
        });
    }
    if let Some(found) = NAMES.iter().find_map(|name| shell::find(name)) {
        return Ok(found);
    }
    apt::install(&["chromium", "fonts-dejavu-core"], "the browser tests drive a real Chromium", "300 MB").map_err(
        |error| Error::Missing {
            program: "chromium".into(),
            remedy: format!("{error}; or set EXITLESS_CHROMIUM=/path/to/chromium"),
        },
    )?;
    NAMES.iter().find_map(|name| shell::find(name)).ok_or_else(|| Error::Missing {
        program: "chromium".into(),
        remedy: "apt-get install chromium, or set EXITLESS_CHROMIUM=/path/to/chromium".into(),
    })
}

/// Names under which systems install Firefox.
const FIREFOX_NAMES: [&str; 2] = ["firefox", "firefox-esr"];

/// The Firefox of the smoke tests: `$EXITLESS_FIREFOX`, one on PATH, or Debian's. Where none can be had they are skipped,
/// and it is said why.
pub(crate) fn firefox() -> Option<PathBuf> {
    let on_path = || FIREFOX_NAMES.iter().find_map(|name| shell::find(name));
    if let Some(chosen) = env::var_os("EXITLESS_FIREFOX").map(PathBuf::from) {
        return Some(chosen);
    }
    if let Some(found) = on_path() {
        return Some(found);
    }
    if let Err(error) = apt::install(&["firefox-esr"], "some browser tests drive Firefox", "270 MB") {
        println!("The tests in Firefox will be skipped: {error}; or set EXITLESS_FIREFOX=/path/to/firefox");
    }
    on_path()
}

/// The packages of `tests/browser`, exactly as its lock file names them.
pub(crate) fn node_packages(places: &Places) -> Result<(), Error> {
    tools::node()?;
    let folder = places.browser_tests();
    let lock = folder.join("package-lock.json");
    let wanted = fs::read_to_string(&lock).map_err(Error::file("read", &lock))?;
    let stamp = folder.join("node_modules/.exitless-lock");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    announce("the npm packages of tests/browser", "they drive the browser in the tests", "with npm ci, 75 MB");
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder);
    shell::run("installing the npm packages", &mut npm)?;
    fs::write(&stamp, wanted).map_err(Error::file("write", &stamp))
}
