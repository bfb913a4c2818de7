//! `cargo xtask dist`: the page and its wasm as a static site that works from any folder of any host.
//!
//! trunk compiles `crates/ui`, runs wasm-bindgen and wasm-opt and lays the files out; this module adds what trunk does
//! not: the lab (`crates/lab`), the version mark on addresses, the compressed siblings, the size table with its budget, and a check that the
//! optimised wasm really compiles (an optimiser may write what engines refuse).

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::compress::{self, Weight};
use crate::embed;
use crate::error::Error;
use crate::offline;
use crate::places::Places;
use crate::setup::{self, SiteTools, TARGET, WasmToolchain};
use crate::shell;
use crate::split;

/// Bytes as brotli: when files are loaded, by the beginnings of their paths in the site, and how much they may be. What no
/// other line names is loaded at first: with the first two paths that was 160 kB, with all of them 184 kB; what compares,
/// plays by hand and searches takes the rest. The aim is 250 kB.
const BUDGETS: [(&str, &[&str], u64); 3] = [
    ("at first", &[], 268_000),
    ("when a panel first needs it", &["later"], 130_000),
    (
        "when something is asked of the lab or looked up",
        &["lab", "static/lab", "static/glossary", "static/lessons"],
        400_000,
    ),
];

/// The pages that load files of the site.
const MARKED: [&str; 3] = ["index.html", "embed/index.html", "picture/index.html"];

/// What stands in them for the version; replaced, so that a browser never mixes files of two versions.
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
    embed::within_budget(&weights)?;
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
    let own_std = profile == Profile::Release && setup::own_std::possible(&toolchain, places);
    if own_std {
        setup::own_std::environment(&toolchain, &mut trunk, places, &tools.path)?;
    } else {
        toolchain.environment(&mut trunk, places, &tools.path)?;
    }
    // trunk reads NO_COLOR as a boolean of its own and refuses other values.
    trunk.env_remove("NO_COLOR");
    shell::run("building the site", &mut trunk)?;
    two_parts(places, profile, site, &tools)?;
    lab(places, profile, site, &toolchain, own_std, &tools)?;
    // The documents of the presets: the program carries what it needs of them.
    let presets = site.join("static/presets");
    fs::remove_dir_all(&presets).map_err(Error::file("remove", &presets))?;
    lessons(places, site)?;
    if profile == Profile::Release {
        minify(&tools.esbuild, site)?;
    }
    embed::Build { places, profile, site, toolchain: &toolchain, own_std, tools: &tools }.run()?;
    let version = version(site)?;
    offline::write(places, site, &version)?;
    mark_version(site, &version)
}

/// The page's program in two parts: what is behind a panel that few open at first is loaded when one does.
fn two_parts(places: &Places, profile: Profile, site: &Path, tools: &SiteTools) -> Result<(), Error> {
    let name = if profile == Profile::Serve { "serve" } else { "page" };
    let linked = places.wasm_target().join(TARGET).join(name).join("ui.wasm");
    let (first, second) = (site.join("ui_bg.wasm"), site.join("later.wasm"));
    split::split(&linked, &first, &second)?;
    if profile == Profile::Release {
        for wasm in [first, second] {
            let mut tool = Command::new(&tools.wasm_opt);
            tool.args(["-O2", "--reorder-functions-by-name"]).arg(&wasm).arg("-o").arg(&wasm);
            shell::run("optimising the page", &mut tool)?;
        }
    }
    Ok(())
}

/// The lab beside it. Not trunk's: that starts a worker by an inline script, which the policy refuses, and builds it as it
/// builds the page.
fn lab(
    places: &Places,
    profile: Profile,
    site: &Path,
    toolchain: &WasmToolchain,
    own_std: bool,
    tools: &SiteTools,
) -> Result<(), Error> {
    let name = match profile {
        Profile::Serve => "serve",
        Profile::Release => "lab",
    };
    let mut cargo = toolchain.cargo(places)?;
    if own_std {
        setup::own_std::environment(toolchain, &mut cargo, places, &[])?;
    }
    cargo.args(["rustc", "--locked", "--package", "lab", "--lib", "--crate-type", "cdylib"]);
    shell::run("building the lab", cargo.args(["--target", TARGET, "--profile", name]))?;
    let wasm = places.wasm_target().join(TARGET).join(name).join("lab.wasm");
    let mut glue = Command::new(&tools.wasm_bindgen);
    glue.args(["--target", "no-modules", "--no-typescript", "--out-dir"]).arg(site).arg(wasm);
    shell::run("writing the lab's JavaScript", &mut glue)?;
    if profile == Profile::Release {
        let wasm = site.join("lab_bg.wasm");
        let mut tool = Command::new(&tools.wasm_opt);
        tool.args(["-O3", "--reorder-functions-by-name"]).arg(&wasm).arg("-o").arg(&wasm);
        shell::run("optimising the lab", &mut tool)?;
    }
    Ok(())
}

/// Lessons as the page fetches them, in place of their documents. They are held against the model on the way.
fn lessons(places: &Places, site: &Path) -> Result<(), Error> {
    let documents = places.root.join("static/lessons");
    let packed = site.join("static/lessons");
    fs::remove_dir_all(&packed).map_err(Error::file("remove", &packed))?;
    let mut files: Vec<_> = compress::files(&documents)?.into_iter().collect();
    files.sort();
    let mut cargo = shell::cargo(&places.root);
    cargo.args(["run", "--locked", "--quiet", "--package", "exitless", "--", "lesson", "pack"]);
    shell::run("packing the lessons", cargo.arg("-o").arg(&packed).args(files))
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

/// A hash of all files.
fn version(site: &Path) -> Result<String, Error> {
    let mut hash = Fnv::default();
    for file in compress::files(site)? {
        hash.add(&fs::read(&file).map_err(Error::file("read", &file))?);
    }
    Ok(format!("{:016x}", hash.0))
}

/// Puts the version into the addresses that the pages load.
fn mark_version(site: &Path, version: &str) -> Result<(), Error> {
    for page in MARKED {
        let file = site.join(page);
        let text = fs::read_to_string(&file).map_err(Error::file("read", &file))?;
        if !text.contains(VERSION_MARK) {
            return Err(Error::Unexpected {
                what: page.into(),
                detail: format!("it should load its files with {VERSION_MARK}"),
            });
        }
        let text = text.replace(VERSION_MARK, &format!("?v={version}"));
        fs::write(&file, text).map_err(Error::file("write", &file))?;
    }
    Ok(())
}

fn within_budget(weights: &[Weight]) -> Result<(), Error> {
    let of_page = |weight: &&Weight| !embed::APART.iter().any(|start| weight.file.starts_with(start));
    // Its line, or else the first.
    let line = |weight: &&Weight| {
        let file = weight.file.to_string_lossy();
        BUDGETS.iter().position(|(_, starts, _)| starts.iter().any(|start| file.starts_with(start))).unwrap_or(0)
    };
    for (i, (what, _, budget)) in BUDGETS.into_iter().enumerate() {
        let actual = weights.iter().filter(of_page).filter(|w| line(w) == i).map(|weight| weight.brotli).sum();
        if actual > budget {
            return Err(Error::OverBudget { what, actual, budget });
        }
        println!("{actual} of {budget} bytes as brotli, loaded {what}.");
    }
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

/// Enough to tell two builds apart.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let mut hash = Fnv::default();
    hash.add(bytes);
    hash.0
}

/// FNV-1a.
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

    #[track_caller]
    fn check(over: [u64; 3], expect: Option<&str>) {
        let files = ["ui_bg.wasm", "later.wasm", "lab_bg.wasm"];
        let weights: Vec<Weight> = std::iter::zip(files, std::iter::zip(BUDGETS, over))
            .map(|(file, ((.., budget), over))| Weight { file: file.into(), raw: 0, gzip: 0, brotli: budget + over })
            .collect();
        match (within_budget(&weights), expect) {
            (Ok(()), None) => {}
            (Err(Error::OverBudget { what, .. }), Some(expect)) => assert!(what.contains(expect), "{what}"),
            (found, _) => panic!("{found:?}"),
        }
    }

    #[test]
    fn each_budget_is_a_limit_of_its_own() {
        check([0; 3], None);
        check([1, 0, 0], Some("first"));
        check([0, 1, 0], Some("panel"));
        check([0, 0, 1], Some("lab"));
    }

    #[test]
    fn the_hash_is_fnv_1a() {
        let mut hash = Fnv::default();
        hash.add(b"foobar");
        assert_eq!(hash.0, 0x8594_4171_f739_67e8);
    }
}
