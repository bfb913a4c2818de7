//! `cargo xtask serve` and `serve-dir`: a site on this machine, its address printed as a line of its own.

use std::io::Write;
use std::net::TcpListener;
use std::path::Path;

use crate::dist::{self, Profile};
use crate::error::Error;
use crate::http::{STRICT_CSP, Site, listen};
use crate::places::Places;

pub(crate) fn site(places: &Places, options: &[String]) -> Result<(), Error> {
    let mut port = 8080;
    let mut profile = Profile::Serve;
    let mut options = options.iter();
    while let Some(option) = options.next() {
        match option.as_str() {
            "--port" => port = number(options.next())?,
            "--release" => profile = Profile::Release,
            other => {
                return Err(Error::Usage(format!("serve knows --port N and --release, not {other:?}")));
            }
        }
    }
    let folder = places.target().join("site");
    dist::build(places, profile, &folder)?;
    let site = Site::new(&folder, STRICT_CSP, Vec::new())?;
    let listener = listen(port)?;
    announce("Exitless is at", &listener, port)?;
    println!("Ctrl+C stops it.");
    site.serve(&listener);
    Ok(())
}

/// Serves a folder as it is; `--csp` and `--mime` imitate hosts that are set up differently.
pub(crate) fn folder(options: &[String]) -> Result<(), Error> {
    let Some((folder, options)) = options.split_first() else {
        return Err(Error::Usage("serve-dir needs a folder".into()));
    };
    let mut port = 0;
    let mut csp = STRICT_CSP;
    let mut types = Vec::new();
    let mut options = options.iter();
    while let Some(option) = options.next() {
        let value = options.next();
        match (option.as_str(), value) {
            ("--port", value) => port = number(value)?,
            ("--csp", Some(policy)) => csp = policy,
            ("--mime", Some(rule)) => {
                let (extension, kind) =
                    rule.split_once('=').ok_or_else(|| Error::Usage(format!("--mime wants EXT=TYPE, got {rule:?}")))?;
                types.push((extension.to_owned(), kind.to_owned()));
            }
            _ => {
                return Err(Error::Usage("serve-dir knows --port N, --csp POLICY and --mime EXT=TYPE".into()));
            }
        }
    }
    let site = Site::new(Path::new(folder), csp, types)?;
    let listener = listen(port)?;
    announce("Serving at", &listener, port)?;
    site.serve(&listener);
    Ok(())
}

fn announce(says: &str, listener: &TcpListener, wanted: u16) -> Result<(), Error> {
    let address = listener.local_addr().map_err(|source| Error::Listen { port: wanted, source })?;
    if wanted != 0 && wanted != address.port() {
        println!("Port {wanted} is taken.");
    }
    println!("{says} http://{address}/");
    // Whoever started this waits for the line through a pipe; a closed pipe is no reason to stop serving.
    let _ = std::io::stdout().flush();
    Ok(())
}

fn number(value: Option<&String>) -> Result<u16, Error> {
    value
        .and_then(|value| value.parse().ok())
        .ok_or_else(|| Error::Usage(format!("--port wants a number from 0 to 65535, got {value:?}")))
}
