//! Where things are: the checkout, the tool cache, the build folders.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;

pub(crate) struct Places {
    /// The checkout.
    pub(crate) root: PathBuf,
    /// Tools, by version; shared by every checkout on this machine.
    pub(crate) cache: PathBuf,
}

impl Places {
    pub(crate) fn find() -> Result<Self, Error> {
        // Cargo compiles this crate inside the checkout it belongs to.
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).ok_or_else(|| {
            Error::Unexpected { what: "the checkout".into(), detail: "xtask has no parent folder".into() }
        })?;
        Ok(Self { root, cache: cache()? })
    }

    pub(crate) fn target(&self) -> PathBuf {
        let chosen = env::var_os("CARGO_TARGET_DIR");
        self.root.join(chosen.unwrap_or_else(|| "target".into()))
    }

    /// The wasm builds have a compiler of their own at times, so also a folder of their own:
    /// two compilers in one target folder rebuild each other's work.
    pub(crate) fn wasm_target(&self) -> PathBuf {
        self.target().join("wasm")
    }

    /// `crates/wasm-bridge` as wasm with its JavaScript; the tests compare it with the native program.
    pub(crate) fn bridge(&self) -> PathBuf {
        self.target().join("bridge")
    }

    /// The npm package, as it is published.
    pub(crate) fn npm(&self) -> PathBuf {
        self.target().join("npm")
    }

    /// The tool cache, made if it is not there yet.
    pub(crate) fn cache_folder(&self) -> Result<PathBuf, Error> {
        fs::create_dir_all(&self.cache).map_err(Error::file("create", &self.cache))?;
        Ok(self.cache.clone())
    }

    pub(crate) fn dist(&self) -> PathBuf {
        self.root.join("dist")
    }

    pub(crate) fn browser_tests(&self) -> PathBuf {
        self.root.join("tests/browser")
    }
}

fn cache() -> Result<PathBuf, Error> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("EXITLESS_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|folder| folder.join("exitless")))
        .or_else(|| env::home_dir().map(|home| home.join(".cache/exitless")))
        .ok_or_else(|| Error::Missing {
            program: "a folder for the tools".into(),
            remedy: "set EXITLESS_CACHE=/path/to/folder".into(),
        })
}
