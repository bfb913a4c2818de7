//! `cargo xtask bench`: how fast the machine is, and with `--browser` how fast the page is.
//!
//! Benchmarks print figures; they are no tests, as their figures depend on the machine and on its other work.

use crate::dist;
use crate::error::Error;
use crate::places::Places;
use crate::setup;
use crate::shell;
use crate::test;

pub(crate) fn run(places: &Places, options: &[String]) -> Result<(), Error> {
    let browser = match options {
        [] => false,
        [option] if option == "--browser" => true,
        _ => return Err(Error::Usage("bench knows only --browser".into())),
    };
    shell::run("cargo bench", shell::cargo(&places.root).args(["bench", "--locked", "--benches"]))?;
    if !browser {
        return Ok(());
    }
    let chromium = setup::chromium()?;
    setup::node_packages(places)?;
    dist::run(places)?;
    shell::run("browser benchmarks", test::browser_node(places, &chromium)?.arg("bench.mjs"))
}
