//! The site without a connection: a manifest to install it by, and the service worker that keeps its last version.

use std::fs;
use std::path::Path;

use crate::compress;
use crate::embed::APART;
use crate::error::Error;
use crate::places::Places;

/// What the worker's source has in place of the version, and of the list of files.
const MARKS: [&str; 2] = ["'VERSION'", "FILES_OF_THE_SITE"];

/// Writes both. The worker keeps the application, not what other documents take from the site.
pub(crate) fn write(places: &Places, site: &Path, version: &str) -> Result<(), Error> {
    let sources = places.root.join("embed");
    let manifest = site.join("manifest.webmanifest");
    fs::copy(sources.join("manifest.webmanifest"), &manifest).map_err(Error::file("write", &manifest))?;
    let mut files = vec![String::new()];
    for file in compress::files(site)? {
        let name = file.strip_prefix(site).unwrap_or(&file);
        if !APART.iter().any(|apart| name.starts_with(apart)) {
            files.push(name.to_string_lossy().replace('\\', "/"));
        }
    }
    let source = sources.join("sw.js");
    let text = fs::read_to_string(&source).map_err(Error::file("read", &source))?;
    let worker = filled(&text, version, &files).ok_or_else(|| Error::Unexpected {
        what: "embed/sw.js".into(),
        detail: format!("it should have {} once each", MARKS.join(" and ")),
    })?;
    let to = site.join("sw.js");
    fs::write(&to, worker).map_err(Error::file("write", &to))
}

fn filled(text: &str, version: &str, files: &[String]) -> Option<String> {
    let once = MARKS.iter().all(|mark| text.matches(mark).count() == 1);
    let files = serde_json::to_string(files).ok()?;
    once.then(|| text.replace(MARKS[0], &format!("'{version}'")).replace(MARKS[1], &files))
}

#[cfg(test)]
mod tests {
    use super::filled;

    #[track_caller]
    fn check(text: &str, expect: Option<&str>) {
        assert_eq!(filled(text, "7", &[String::new(), "a.js".into()]).as_deref(), expect);
    }

    #[test]
    fn version_and_files_are_put_in_or_missed() {
        check("v='VERSION' f=FILES_OF_THE_SITE", Some("v='7' f=[\"\",\"a.js\"]"));
        check("f=FILES_OF_THE_SITE", None);
        check("v='VERSION'", None);
    }
}
