//! Brotli and gzip siblings for a built site, and the table of what everything weighs.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::error::Error;

/// Files that gain nothing: they are compressed already.
const PACKED: [&str; 7] = ["png", "jpg", "webp", "woff2", "gif", "br", "gz"];

pub(crate) struct Weight {
    /// Relative to the site.
    pub(crate) file: PathBuf,
    pub(crate) raw: u64,
    pub(crate) gzip: u64,
    pub(crate) brotli: u64,
}

/// Writes the siblings of every file under `site` and says what each weighs, heaviest first.
pub(crate) fn siblings(site: &Path) -> Result<Vec<Weight>, Error> {
    let mut weights = Vec::new();
    for file in files(site)? {
        let bytes = fs::read(&file).map_err(Error::file("read", &file))?;
        let raw = bytes.len() as u64;
        let packed = file.extension().is_some_and(|extension| PACKED.iter().any(|packed| extension == *packed));
        let (gzip, brotli) = if packed {
            (raw, raw)
        } else {
            (
                sibling(&file, "gz", &gzip(&bytes).map_err(Error::file("compress", &file))?)?,
                sibling(&file, "br", &brotli(&bytes).map_err(Error::file("compress", &file))?)?,
            )
        };
        let file = file.strip_prefix(site).unwrap_or(&file).to_path_buf();
        weights.push(Weight { file, raw, gzip, brotli });
    }
    weights.sort_by_key(|weight| std::cmp::Reverse(weight.brotli));
    Ok(weights)
}

/// All files under `folder`, in an order that does not depend on the file system.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(&next).map_err(Error::file("read", &next))? {
            let path = entry.map_err(Error::file("read", &next))?.path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

pub(crate) fn print(weights: &[Weight]) {
    println!("{:>12} {:>10} {:>10}  file", "raw", "gzip", "brotli");
    for weight in weights {
        println!("{:>12} {:>10} {:>10}  {}", weight.raw, weight.gzip, weight.brotli, weight.file.display());
    }
    let sum = |part: fn(&Weight) -> u64| weights.iter().map(part).sum::<u64>();
    println!("{:>12} {:>10} {:>10}  in all", sum(|w| w.raw), sum(|w| w.gzip), sum(|w| w.brotli));
}

fn sibling(file: &Path, suffix: &str, bytes: &[u8]) -> Result<u64, Error> {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{suffix}"));
    fs::write(&name, bytes).map_err(Error::file("write", &name))?;
    Ok(bytes.len() as u64)
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn brotli(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 22, ..Default::default() };
    brotli::BrotliCompress(&mut &bytes[..], &mut out, &parameters)?;
    Ok(out)
}
