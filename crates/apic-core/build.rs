//! Presets are written in TOML; the program carries each as the bytes of its [`schema::Scenario`], so that a page needs
//! neither a TOML nor a JSON reader for them. The schema is the crate's own source, compiled into this script.

#![expect(clippy::disallowed_methods, reason = "a build script asks cargo where things are")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

#[allow(dead_code, unreachable_pub)]
#[path = "src/units.rs"]
mod units;

#[allow(dead_code, unreachable_pub)]
#[path = "src/host/topology.rs"]
mod topology;

#[allow(dead_code, unreachable_pub)]
#[path = "src/kvm/rules.rs"]
mod rules;

#[allow(dead_code, unreachable_pub)]
#[path = "src/kvm/vendor.rs"]
mod vendor;

#[allow(dead_code, unreachable_pub)]
#[path = "src/cost/kind.rs"]
mod kind;

/// The paths by which the schema knows what it names.
mod cost {
    pub(crate) use super::kind::{CostKind, Tail};
}
mod host {
    pub(crate) use super::topology::Topology;
}
mod kvm {
    pub(crate) use super::rules::{Era, Overrides};
    pub(crate) use super::vendor::Vendor;
}

#[allow(dead_code, unreachable_pub)]
#[path = "src/scenario/path.rs"]
mod path;

#[allow(dead_code, unreachable_pub, clippy::struct_field_names)]
#[path = "src/scenario/schema.rs"]
mod schema;

fn main() -> Result<(), Box<dyn Error>> {
    let presets = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../static/presets");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for watched in [
        "units.rs",
        "cost/kind.rs",
        "host/topology.rs",
        "kvm/rules.rs",
        "kvm/vendor.rs",
        "scenario/schema.rs",
        "scenario/path.rs",
    ] {
        println!("cargo::rerun-if-changed=src/{watched}");
    }
    println!("cargo::rerun-if-changed={}", presets.display());
    for entry in fs::read_dir(&presets)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "toml") {
            let refused = |e: toml::de::Error| format!("{}: {e}", path.display());
            let scenario: schema::Scenario = toml::from_str(&fs::read_to_string(&path)?).map_err(refused)?;
            let name = path.file_name().ok_or("a file has a name")?;
            fs::write(out.join(name).with_extension("bin"), postcard::to_allocvec(&scenario)?)?;
        }
    }
    Ok(())
}
