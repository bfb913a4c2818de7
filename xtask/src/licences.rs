//! The licence list: every package in Cargo.lock must offer one that the table allows.
//!
//! It reads SPDX expressions of names, AND, OR, WITH and parentheses, and the old `A/B`, which means OR.

use serde_json::Value;

/// A licence, and why it may be in a program that is MIT or Apache-2.0.
const ALLOWED: [(&str, &str); 9] = [
    ("MIT", "our own; keeps the notice"),
    ("Apache-2.0", "our own; keeps the notice, grants patents"),
    ("Apache-2.0 WITH LLVM-exception", "Apache-2.0 with fewer duties in binaries"),
    ("BSD-3-Clause", "keeps the notice"),
    ("BSD-2-Clause", "BSD-3-Clause with one duty less"),
    ("ISC", "the same as MIT in shorter words"),
    ("Zlib", "no notice needed in binaries"),
    ("Unlicense", "public domain"),
    ("Unicode-3.0", "tables of the Unicode standard; keeps the notice"),
];

/// One line for each package that offers no allowed licence.
pub(crate) fn check(metadata: &Value) -> Vec<String> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let mut findings: Vec<String> = packages
        .filter_map(|package| {
            let licence = package["license"].as_str().unwrap_or("no licence");
            (!allowed(licence)).then(|| {
                let (name, version) = (&package["name"], &package["version"]);
                let word = |value: &Value| value.as_str().unwrap_or("?").to_owned();
                format!("{} {}: {licence}", word(name), word(version))
            })
        })
        .collect();
    findings.sort();
    findings
}

fn allowed(expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    any(&mut rest) == Some(true) && rest.is_empty()
}

/// `all OR all …`; `None` if the expression is not one.
fn any(rest: &mut &[&str]) -> Option<bool> {
    let mut allowed = all(rest)?;
    while let ["OR", after @ ..] = *rest {
        *rest = after;
        allowed |= all(rest)?;
    }
    Some(allowed)
}

fn all(rest: &mut &[&str]) -> Option<bool> {
    let mut allowed = one(rest)?;
    while let ["AND", after @ ..] = *rest {
        *rest = after;
        allowed &= one(rest)?;
    }
    Some(allowed)
}

fn one(rest: &mut &[&str]) -> Option<bool> {
    let (name, after) = rest.split_first()?;
    *rest = after;
    if *name == "(" {
        let allowed = any(rest)?;
        let (")", after) = rest.split_first().map(|(word, after)| (*word, after))? else {
            return None;
        };
        *rest = after;
        return Some(allowed);
    }
    let mut licence = (*name).to_owned();
    if let ["WITH", exception, after @ ..] = *rest {
        licence = format!("{licence} WITH {exception}");
        *rest = after;
    }
    Some(ALLOWED.iter().any(|(allowed, _)| *allowed == licence))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_allowed_choice_is_enough_and_all_parts_are_needed() {
        for (expression, expected) in [
            ("MIT", true),
            ("GPL-3.0", false),
            ("MIT OR GPL-3.0", true),
            ("GPL-3.0/MIT", true),
            ("MIT AND GPL-3.0", false),
            ("(MIT OR GPL-3.0) AND Unicode-3.0", true),
            ("(MIT AND GPL-3.0) OR Zlib", true),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("GPL-2.0 WITH Classpath-exception-2.0", false),
            ("MIT OR", false),
            ("(MIT", false),
            ("MIT Zlib", false),
            ("", false),
        ] {
            assert_eq!(allowed(expression), expected, "{expression}");
        }
    }

    #[test]
    fn a_package_without_a_licence_is_found() {
        let metadata = json!({"packages": [{"name": "x", "version": "1.0.0", "license": null}]});
        assert_eq!(check(&metadata), ["x 1.0.0: no licence"]);
    }
}
