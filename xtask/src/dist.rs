//! `cargo xtask dist`: the page and its wasm as a static site that works from any folder of any host.
//!
//! trunk compiles `crates/ui`, runs wasm-bindgen and wasm-opt and lays the files out; this module adds what trunk does
//! not: the version mark on addresses, the compressed siblings, the size table with its budget, and a check that the
//! optimised wasm really compiles (an optimiser may write what engines refuse).

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::compress::{self, Weight};
use crate::error::Error;
use crate::places::Places;
use crate::setup;
use crate::shell;

/// Bytes as brotli for everything that a visitor may load. With the first two paths it was 160 kB, with all of them 184 kB;
/// what compares, plays by hand, searches and measures takes the rest.
const BUDGET: u64 = 250_000;

/// What stands in index.html for the version; replaced, so that a browser never mixes files of two versions.
const VERSION_MARK: &str = "?v=dev";

/// The style sheet that names all others.
const STYLES: &str = "static/page.css";

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Profile {
    /// Compiles in a fraction of the time; several times larger.
    Serve,
    /// What is deployed.
    Release,
}

pub(crate) fn run(places: &Places) -> Result<(), Error> {
    let site = places.dist();
    build(places, Profile::Release, &site)?;
    let weights = compress::siblings(&site)?;
    println!("\nThe site in {}:", site.display());
    compress::print(&weights);
    within_budget(&weights)?;
    compiles_in_node(&site)
}

/// Builds the site into `site`, without siblings.
pub(crate) fn build(places: &Places, profile: Profile, site: &Path) -> Result<(), Error> {
    let toolchain = setup::wasm_toolchain(places)?;
    let tools = setup::site_tools(places)?;
    let mut trunk = Command::new(&tools.trunk);
    trunk.current_dir(&places.root).arg("build").arg("--dist").arg(site);
    match profile {
        Profile::Serve => trunk.args(["--cargo-profile", "serve"]),
        Profile::Release => trunk.args(["--release", "--cargo-profile", "page"]),
    };
    if profile == Profile::Release && setup::own_std::possible(&toolchain, places) {
        setup::own_std::environment(&toolchain, &mut trunk, places, &tools.path)?;
    } else {
        toolchain.environment(&mut trunk, places, &tools.path)?;
    }
    // trunk reads NO_COLOR as a boolean of its own and refuses other values.
    trunk.env_remove("NO_COLOR");
    shell::run("building the site", &mut trunk)?;
    // The documents of presets and lessons: the program carries what it needs of them.
    for documents in ["static/presets", "static/lessons"] {
        let documents = site.join(documents);
        fs::remove_dir_all(&documents).map_err(Error::file("remove", &documents))?;
    }
    if profile == Profile::Release {
        minify(&tools.esbuild, site)?;
    }
    mark_version(site)
}

/// Scripts and styles without comments and blanks: a hundredth of the site. The styles become one file, which is smaller
/// compressed than several, and loads at once.
fn minify(esbuild: &Path, site: &Path) -> Result<(), Error> {
    let is = |file: &Path, extension| file.extension().is_some_and(|e| e == extension);
    let scripts = compress::files(site)?.into_iter().filter(|file| is(file, "js"));
    for file in scripts.chain([site.join(STYLES)]) {
        let mut tool = Command::new(esbuild);
        tool.args(["--minify", "--log-level=warning", "--allow-overwrite"]).arg(&file);
        if is(&file, "css") {
            tool.arg("--bundle");
        }
        tool.arg(format!("--outfile={}", file.display()));
        shell::run("minifying", &mut tool)?;
    }
    let parts = site.join("static/styles");
    fs::remove_dir_all(&parts).map_err(Error::file("remove", &parts))
}

/// Puts a hash of all files into the addresses that index.html loads.
fn mark_version(site: &Path) -> Result<(), Error> {
    let mut hash = Fnv::default();
    for file in compress::files(site)? {
        hash.add(&fs::read(&file).map_err(Error::file("read", &file))?);
    }
    let page = site.join("index.html");
    let text = fs::read_to_string(&page).map_err(Error::file("read", &page))?;
    if !text.contains(VERSION_MARK) {
        return Err(Error::Unexpected {
            what: "index.html".into(),
            detail: format!("it should load its files with {VERSION_MARK}"),
        });
    }
    let text = text.replace(VERSION_MARK, &format!("?v={:016x}", hash.0));
    fs::write(&page, text).map_err(Error::file("write", &page))
}

fn within_budget(weights: &[Weight]) -> Result<(), Error> {
    let actual = weights.iter().map(|weight| weight.brotli).sum();
    if actual > BUDGET {
        return Err(Error::OverBudget { actual, budget: BUDGET });
    }
    println!("{actual} of {BUDGET} bytes as brotli.");
    Ok(())
}

fn compiles_in_node(site: &Path) -> Result<(), Error> {
    const SCRIPT: &str = "WebAssembly.compile(require('fs').readFileSync(process.argv[1]))\
         .catch(error => { console.error(error.message); process.exit(1) })";
    let mut compiled = 0;
    for file in compress::files(site)? {
        if file.extension().is_some_and(|extension| extension == "wasm") {
            shell::run("compiling the optimised wasm", Command::new("node").args(["-e", SCRIPT]).arg(&file))?;
            compiled += 1;
        }
    }
    if compiled == 0 {
        return Err(Error::Unexpected {
            what: site.display().to_string(),
            detail: "there is no wasm file in it".into(),
        });
    }
    println!("The optimised wasm compiles in Node.");
    Ok(())
}

/// FNV-1a: enough to tell two builds apart.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weighing(brotli: u64) -> Vec<Weight> {
        vec![Weight { file: "ui_bg.wasm".into(), raw: 0, gzip: 0, brotli }]
    }

    #[test]
    fn the_budget_is_a_limit() {
        assert!(within_budget(&weighing(BUDGET)).is_ok());
        assert!(matches!(within_budget(&weighing(BUDGET + 1)), Err(Error::OverBudget { .. })));
    }

    #[test]
    fn the_hash_is_fnv_1a() {
        let mut hash = Fnv::default();
        hash.add(b"foobar");
        assert_eq!(hash.0, 0x8594_4171_f739_67e8);
    }
}
