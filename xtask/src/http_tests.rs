use std::fs;
use std::path::PathBuf;

use super::*;

/// A folder with one page, a wasm file with a brotli sibling, and a secret beside the folder.
fn site(name: &str) -> (Site, PathBuf) {
    let base = std::env::temp_dir().join(format!("exitless-http-{name}-{}", std::process::id()));
    let served = base.join("site");
    fs::create_dir_all(served.join("sub")).unwrap();
    fs::write(base.join("secret.txt"), "secret").unwrap();
    fs::write(served.join("index.html"), "<p>page").unwrap();
    fs::write(served.join("sub/index.html"), "<p>sub").unwrap();
    fs::write(served.join("a b.wasm"), "plain").unwrap();
    fs::write(served.join("a b.wasm.br"), "small").unwrap();
    (Site::new(&served, STRICT_CSP, Vec::new()).unwrap(), base)
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
}

#[test]
fn a_folder_answers_with_its_index_and_the_policy() {
    let (site, base) = site("index");
    let page = site.respond("GET", "/?preset=x", "");
    assert_eq!((page.status, page.body.as_slice()), ("200 OK", b"<p>page".as_slice()));
    assert_eq!(header(&page, "Content-Type"), Some("text/html; charset=utf-8"));
    assert_eq!(header(&page, "Content-Security-Policy"), Some(STRICT_CSP));
    fs::remove_dir_all(base).unwrap();
}

#[test]
fn a_folder_without_its_slash_is_redirected_with_the_query() {
    let (site, base) = site("slash");
    let moved = site.respond("GET", "/sub?x=1", "");
    assert_eq!(moved.status, "301 Moved Permanently");
    assert_eq!(header(&moved, "Location"), Some("/sub/?x=1"));
    fs::remove_dir_all(base).unwrap();
}

#[test]
fn nothing_outside_the_folder_is_served() {
    let (site, base) = site("outside");
    #[cfg(unix)]
    std::os::unix::fs::symlink(base.join("secret.txt"), base.join("site/link.txt")).unwrap();
    let secret = base.join("secret.txt");
    for target in [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/sub/../../secret.txt",
        "/..%2fsecret.txt",
        "/%5c..%5csecret.txt",
        "/link.txt",
        "//../secret.txt",
        "/%zz",
        "",
        &format!("/{}", secret.display()),
    ] {
        assert_eq!(site.respond("GET", target, "").status, "404 Not Found", "{target}");
    }
    fs::remove_dir_all(base).unwrap();
}

#[test]
fn a_compressed_sibling_is_sent_only_to_who_accepts_it() {
    let (site, base) = site("brotli");
    let small = site.respond("GET", "/a%20b.wasm", "gzip, br");
    assert_eq!((small.body.as_slice(), header(&small, "Content-Encoding")), (b"small".as_slice(), Some("br")));
    assert_eq!(header(&small, "Content-Type"), Some("application/wasm"));
    for encodings in ["", "gzip", "br;q=0"] {
        assert_eq!(site.respond("GET", "/a%20b.wasm", encodings).body, b"plain", "{encodings:?}");
    }
    fs::remove_dir_all(base).unwrap();
}

#[test]
fn only_reading_is_allowed() {
    let (site, base) = site("methods");
    assert_eq!(site.respond("POST", "/", "").status, "405 Method Not Allowed");
    fs::remove_dir_all(base).unwrap();
}

#[test]
fn a_taken_port_leads_to_the_next_free_one() {
    let taken = listen(0).unwrap();
    let port = taken.local_addr().unwrap().port();
    let next = listen(port).unwrap().local_addr().unwrap().port();
    assert!(next > port, "{next} after {port}");
}
