//! What other documents take from the site: the npm package, and from it the folder `embed/` and the one-file page.
//!
//! `crates/wasm-bridge/npm` has the sources; the engine is that crate as wasm. Everything is put together in the build
//! folder first, as the package stands, so that what is published and what is embedded are one thing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::compress::{self, Weight};
use crate::dist::Profile;
use crate::error::Error;
use crate::places::Places;
use crate::setup::{self, SiteTools, TARGET, WasmToolchain};
use crate::shell;

/// Bytes as brotli for everything in `embed/`.
const BUDGET: u64 = 180_000;
/// The same for what shows a figure before the engine is there, with the largest figure.
const BUDGET_BEFORE: u64 = 40_000;
/// Bytes of the helper for host pages, minified.
const BUDGET_HOST: u64 = 2_048;

/// What stands in `embed/` before the engine.
const BEFORE: [&str; 3] = ["embed/index.html", "embed/frame.css", "embed/frame.js"];

/// Folders and files of the site that the page itself never loads, by the beginning of their path.
pub(crate) const APART: [&str; 4] = ["embed", "figure", "picture", "exitless.html"];

/// Everything that a build needs to know.
pub(crate) struct Build<'a> {
    pub(crate) places: &'a Places,
    pub(crate) profile: Profile,
    pub(crate) site: &'a Path,
    pub(crate) toolchain: &'a WasmToolchain,
    pub(crate) own_std: bool,
    pub(crate) tools: &'a SiteTools,
}

impl Build<'_> {
    pub(crate) fn run(&self) -> Result<(), Error> {
        self.package()?;
        let embed = self.site.join("embed");
        fs::create_dir_all(&embed).map_err(Error::file("create", &embed))?;
        for page in ["index.html", "frame.css"] {
            copy(&self.places.root.join("embed").join(page), &embed.join(page))?;
        }
        copy(&self.package_file("wasm/engine_bg.wasm"), &embed.join("engine_bg.wasm"))?;
        self.bundle("stage.js", "esm", &embed.join("exitless-stage.js"))?;
        self.bundle("host.js", "esm", &embed.join("host.js"))?;
        self.bundle("frame.js", "iife", &embed.join("frame.js"))?;
        let picture = self.site.join("picture");
        for page in ["picture.html", "picture.css"] {
            let name = if page.ends_with("html") { "index.html" } else { page };
            copy(&self.places.root.join("embed").join(page), &picture.join(name))?;
        }
        self.bundle("picture.js", "iife", &picture.join("picture.js"))?;
        self.one_file()?;
        self.figures()
    }

    fn package_file(&self, name: &str) -> PathBuf {
        self.places.npm().join(name)
    }

    /// The npm package: its sources, and the engine.
    fn package(&self) -> Result<(), Error> {
        let package = self.places.npm();
        if package.exists() {
            fs::remove_dir_all(&package).map_err(Error::file("remove", &package))?;
        }
        let sources = self.places.root.join("crates/wasm-bridge/npm");
        for file in compress::files(&sources)? {
            let name = file.strip_prefix(&sources).unwrap_or(&file);
            copy(&file, &package.join(name))?;
        }
        let name = match self.profile {
            Profile::Serve => "serve",
            Profile::Release => "page",
        };
        let mut cargo = self.toolchain.cargo(self.places)?;
        if self.own_std {
            setup::own_std::environment(self.toolchain, &mut cargo, self.places, &[])?;
        }
        cargo.args(["rustc", "--locked", "--package", "wasm-bridge", "--no-default-features", "--features", "engine"]);
        cargo.args(["--lib", "--crate-type", "cdylib", "--target", TARGET, "--profile", name]);
        shell::run("building the engine", &mut cargo)?;
        let wasm = self.places.wasm_target().join(TARGET).join(name).join("wasm_bridge.wasm");
        let mut glue = Command::new(&self.tools.wasm_bindgen);
        glue.args(["--target", "web", "--no-typescript", "--out-name", "engine", "--out-dir"]);
        shell::run("writing the engine's JavaScript", glue.arg(package.join("wasm")).arg(wasm))?;
        if self.profile == Profile::Release {
            let wasm = self.package_file("wasm/engine_bg.wasm");
            let mut tool = Command::new(&self.tools.wasm_opt);
            tool.args(["-O2", "--reorder-functions-by-name"]).arg(&wasm).arg("-o").arg(&wasm);
            shell::run("optimising the engine", &mut tool)?;
        }
        Ok(())
    }

    /// One of the package's scripts with all that it imports.
    fn bundle(&self, script: &str, format: &str, to: &Path) -> Result<(), Error> {
        let mut tool = Command::new(&self.tools.esbuild);
        tool.arg(self.package_file("src").join(script)).args([
            "--bundle",
            "--minify",
            "--target=chrome91,firefox101,safari16.4",
        ]);
        // The engine's own way to find its file, which is not taken.
        tool.args(["--log-level=warning", "--log-override:empty-import-meta=silent"]);
        tool.arg(format!("--format={format}")).arg(format!("--outfile={}", to.display()));
        shell::run("bundling", &mut tool)
    }

    /// The page that runs from a file: everything inline.
    fn one_file(&self) -> Result<(), Error> {
        let bundled = self.places.npm().with_extension("offline.js");
        self.bundle("offline.js", "iife", &bundled)?;
        let template = self.places.root.join("embed/offline.html");
        let (page, script) = (read(&template)?, read(&bundled)?);
        let wasm = self.package_file("wasm/engine_bg.wasm");
        let engine = STANDARD.encode(fs::read(&wasm).map_err(Error::file("read", &wasm))?);
        // A closing tag inside a string would end the script.
        let page = page.replace("ENGINE", &engine).replace("SCRIPT\n", &script.replace("</script", "<\\/script"));
        let to = self.site.join("exitless.html");
        fs::write(&to, page).map_err(Error::file("write", &to))
    }

    /// A picture of every preset where it opens, drawn by the package itself.
    fn figures(&self) -> Result<(), Error> {
        let to = self.site.join("figure");
        fs::create_dir_all(&to).map_err(Error::file("create", &to))?;
        let mut node = Command::new("node");
        node.arg(self.places.root.join("embed/figures.mjs")).arg(self.places.npm()).arg(to);
        shell::run("drawing the presets", &mut node)
    }
}

pub(crate) fn within_budget(weights: &[Weight]) -> Result<(), Error> {
    let starts = |weight: &Weight, start: &str| weight.file.starts_with(start);
    let all = weights.iter().filter(|w| starts(w, "embed")).map(|w| w.brotli).sum();
    let page: u64 = weights.iter().filter(|w| BEFORE.iter().any(|file| starts(w, file))).map(|w| w.brotli).sum();
    let figure = weights.iter().filter(|w| starts(w, "figure")).map(|w| w.brotli).max().unwrap_or(0);
    let host = weights.iter().filter(|w| starts(w, "embed/host.js")).map(|w| w.raw).sum();
    for (what, actual, budget) in [
        ("in an embed", all, BUDGET),
        ("before an embed's engine", page + figure, BUDGET_BEFORE),
        ("as a host page's helper, minified", host, BUDGET_HOST),
    ] {
        if actual > budget {
            return Err(Error::OverBudget { what, actual, budget });
        }
        println!("{actual} of {budget} bytes, loaded {what}.");
    }
    Ok(())
}

fn read(file: &Path) -> Result<String, Error> {
    fs::read_to_string(file).map_err(Error::file("read", file))
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
    }
    fs::copy(from, to).map(drop).map_err(Error::file("copy", from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(engine: u64, figure: u64, host: u64, over: Option<&str>) {
        let weight = |(file, raw, brotli): (&str, u64, u64)| Weight { file: file.into(), raw, gzip: 0, brotli };
        let files = [
            ("embed/engine_bg.wasm", 0, engine),
            ("figure/a.svg", 0, figure),
            ("figure/b.svg", 0, 1),
            ("embed/host.js", host, 0),
        ];
        match (within_budget(&files.map(weight)), over) {
            (Ok(()), None) => {}
            (Err(Error::OverBudget { what, .. }), Some(over)) => assert_eq!(what, over),
            (found, _) => panic!("{found:?}"),
        }
    }

    #[test]
    fn each_budget_is_a_limit_of_its_own() {
        check(BUDGET, BUDGET_BEFORE, BUDGET_HOST, None);
        check(BUDGET + 1, 0, 0, Some("in an embed"));
        check(0, BUDGET_BEFORE + 1, 0, Some("before an embed's engine"));
        check(0, 0, BUDGET_HOST + 1, Some("as a host page's helper, minified"));
    }
}
