//! Presets are written in TOML; the program carries them as JSON, so that a page can read them without a TOML parser.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let presets = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../static/presets");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo::rerun-if-changed={}", presets.display());
    for entry in fs::read_dir(&presets)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "toml") {
            let document: toml::Table = toml::from_str(&fs::read_to_string(&path)?)?;
            let name = path.file_name().ok_or("a file has a name")?;
            fs::write(out.join(name).with_extension("json"), serde_json::to_string(&document)?)?;
        }
    }
    Ok(())
}
