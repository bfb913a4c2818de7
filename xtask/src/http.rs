//! A static file server for a built site: what a careful host would send, so that tests see it too.
//!
//! It sends the strict content security policy, right MIME types and compressed siblings, and nothing from outside
//! its folder. It leaves out everything a test or a look at the page does not need: TLS, ranges, keep-alive, caching.

use std::fs;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::Error;

/// Everything from this origin, wasm, no inline script or style; embedding allowed everywhere.
pub(crate) const STRICT_CSP: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
     img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; manifest-src 'self'; \
     worker-src 'self'; frame-ancestors *";

/// Longest request head that is read; browsers stay far below.
const HEAD_LIMIT: u64 = 64 * 1024;

pub(crate) struct Site {
    /// Canonical path.
    folder: PathBuf,
    csp: String,
    /// MIME types that differ on purpose, to show what a wrongly configured host does.
    types: Vec<(String, String)>,
}

#[derive(Debug)]
pub(crate) struct Response {
    status: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

/// The first free port from `port` on; 0 lets the system choose.
pub(crate) fn listen(port: u16) -> Result<TcpListener, Error> {
    let last = if port == 0 { 0 } else { port.saturating_add(20) };
    let mut refused = None;
    for candidate in port..=last {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, candidate)) {
            Ok(listener) => return Ok(listener),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    Err(Error::Listen { port, source: refused.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()) })
}

impl Site {
    pub(crate) fn new(folder: &Path, csp: &str, types: Vec<(String, String)>) -> Result<Self, Error> {
        Ok(Self { folder: folder.canonicalize().map_err(Error::file("serve", folder))?, csp: csp.to_owned(), types })
    }

    /// Answers until the process ends.
    pub(crate) fn serve(&self, listener: &TcpListener) {
        std::thread::scope(|scope| {
            for stream in listener.incoming().flatten() {
                // A browser that goes away mid-answer is its own business.
                scope.spawn(move || drop(self.answer(&stream)));
            }
        });
    }

    fn answer(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut lines = BufReader::new(stream.take(HEAD_LIMIT)).lines();
        let request = lines.next().transpose()?.unwrap_or_default();
        let mut encodings = String::new();
        for line in lines {
            let line = line?;
            match line.split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("accept-encoding") => {
                    encodings = value.to_lowercase();
                }
                Some(_) => {}
                None => break,
            }
        }
        let mut words = request.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let response = self.respond(method, target, &encodings);
        let mut stream = BufWriter::new(stream);
        write!(stream, "HTTP/1.1 {}\r\n", response.status)?;
        for (name, value) in &response.headers {
            write!(stream, "{name}: {value}\r\n")?;
        }
        let length = response.body.len();
        write!(stream, "Content-Length: {length}\r\nConnection: close\r\n\r\n")?;
        if method != "HEAD" {
            stream.write_all(&response.body)?;
        }
        stream.flush()
    }

    fn respond(&self, method: &str, target: &str, encodings: &str) -> Response {
        if !matches!(method, "GET" | "HEAD") {
            return self.text("405 Method Not Allowed", "only GET and HEAD");
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let Some(file) = self.locate(path) else {
            return self.text("404 Not Found", "no such file");
        };
        // Relative addresses in the page need the slash.
        if file.is_dir() && !path.ends_with('/') {
            let query = if query.is_empty() { String::new() } else { format!("?{query}") };
            let mut response = self.text("301 Moved Permanently", "a folder ends in a slash");
            response.headers.push(("Location", format!("{path}/{query}")));
            return response;
        }
        let file = if file.is_dir() { file.join("index.html") } else { file };
        let kind = self.kind(&file);
        for (encoding, suffix) in [("br", "br"), ("gzip", "gz")] {
            let mut sibling = file.clone().into_os_string();
            sibling.push(format!(".{suffix}"));
            if accepts(encodings, encoding)
                && let Ok(body) = fs::read(sibling)
            {
                let mut response = self.response("200 OK", &kind, body);
                response.headers.push(("Content-Encoding", encoding.into()));
                return response;
            }
        }
        match fs::read(&file) {
            Ok(body) => self.response("200 OK", &kind, body),
            Err(_) => self.text("404 Not Found", "no such file"),
        }
    }

    /// The file or folder that a request path names, if it exists inside the served folder.
    fn locate(&self, path: &str) -> Option<PathBuf> {
        let path = percent_decode(path.strip_prefix('/')?)?;
        let plain = path.split('/').all(|part| part != ".." && !part.contains(['\\', '\0', ':']));
        if !plain {
            return None;
        }
        // Resolves links too: one that points outside is not followed.
        let file = self.folder.join(path.trim_start_matches('/')).canonicalize().ok()?;
        file.starts_with(&self.folder).then_some(file)
    }

    fn kind(&self, file: &Path) -> String {
        let extension = file.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        if let Some((_, kind)) = self.types.iter().find(|(name, _)| *name == extension) {
            return kind.clone();
        }
        mime(&extension).to_owned()
    }

    fn text(&self, status: &'static str, body: &str) -> Response {
        self.response(status, "text/plain; charset=utf-8", format!("{body}\n").into_bytes())
    }

    fn response(&self, status: &'static str, kind: &str, body: Vec<u8>) -> Response {
        let headers = vec![
            ("Content-Type", kind.to_owned()),
            ("Content-Security-Policy", self.csp.clone()),
            ("X-Content-Type-Options", "nosniff".into()),
            // An embedding frame with an opaque origin has to be able to fetch the parts of the page.
            ("Access-Control-Allow-Origin", "*".into()),
            ("Cache-Control", "no-cache".into()),
            ("Vary", "Accept-Encoding".into()),
        ];
        Response { status, headers, body }
    }
}

fn mime(extension: &str) -> &'static str {
    match extension {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webmanifest" => "application/manifest+json",
        "woff2" => "font/woff2",
        "txt" | "md" | "toml" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Whether an Accept-Encoding value names `encoding` without refusing it.
fn accepts(encodings: &str, encoding: &str) -> bool {
    encodings.split(',').any(|part| {
        let (name, weight) = part.split_once(';').unwrap_or((part, ""));
        name.trim() == encoding && !matches!(weight.trim(), "q=0" | "q=0.0")
    })
}

fn percent_decode(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first == b'%' {
            let hex = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(hex, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
