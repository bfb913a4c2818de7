//! Dependency fences: who may depend on whom, and what must never be reached, checked on cargo's own graph.
//!
//! The tables are the rule; to let a new arrow in, change a table and say why in the commit. Dev-dependencies are free,
//! except that they must not appear in the product: they are left out of the graph.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// A workspace crate and the workspace crates it may use.
const ARROWS: [(&str, &[&str]); 14] = [
    ("apic-core", &[]),
    ("kvm-trace", &["apic-core"]),
    ("lesson", &["apic-core"]),
    ("scene", &["apic-core"]),
    ("wasm-bridge", &["apic-core", "kvm-trace", "scene"]),
    ("lab", &["apic-core", "kvm-trace", "scene", "wasm-bridge"]),
    ("ui", &["apic-core", "kvm-trace", "lesson", "scene", "wasm-bridge"]),
    ("exitless", &["apic-core", "kvm-trace", "lesson", "scene"]),
    ("mdbook-exitless", &["apic-core", "scene"]),
    ("exitless-tests", &["apic-core", "kvm-trace", "scene", "exitless"]),
    ("kvm-memory", &[]),
    ("kvm-differential", &["apic-core", "kvm-memory"]),
    ("machine-bench", &["apic-core"]),
    ("xtask", &[]),
];

const BROWSER: [&str; 4] = ["yew", "web-sys", "js-sys", "wasm-bindgen"];

/// A crate, what it must not reach by any way, and why.
const FORBIDDEN: [(&str, &[&str], &str); 9] = [
    ("apic-core", &BROWSER, "the machine runs anywhere"),
    ("kvm-trace", &BROWSER, "recordings are read without a browser"),
    ("lesson", &BROWSER, "lessons are checked without a browser"),
    ("scene", &BROWSER, "the scene is drawn into every medium"),
    ("exitless", &BROWSER, "the command line has no browser"),
    ("mdbook-exitless", &BROWSER, "books are built without a browser"),
    ("wasm-bridge", &["yew"], "host pages use the bridge without the playground"),
    ("ui", &["plotters"], "charts are drawn in the lab, which is loaded on demand"),
    ("lab", &["yew"], "the lab has no page"),
];

/// What the checks need from `cargo metadata`: names, and edges between package ids.
pub(crate) struct Graph {
    names: BTreeMap<String, String>,
    edges: BTreeMap<String, BTreeSet<String>>,
    members: BTreeSet<String>,
}

impl Graph {
    /// `None` if the document has another shape than `cargo metadata --format-version 1` gives.
    pub(crate) fn read(metadata: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let mut names = BTreeMap::new();
        for package in metadata["packages"].as_array()? {
            names.insert(text(&package["id"])?, text(&package["name"])?);
        }
        let mut edges = BTreeMap::new();
        for node in metadata["resolve"]["nodes"].as_array()? {
            let mut to = BTreeSet::new();
            for dependency in node["deps"].as_array()? {
                let kinds = dependency["dep_kinds"].as_array()?;
                if kinds.iter().any(|kind| kind["kind"] != "dev") {
                    to.insert(text(&dependency["pkg"])?);
                }
            }
            edges.insert(text(&node["id"])?, to);
        }
        let members = metadata["workspace_members"].as_array()?.iter().filter_map(text).collect();
        Some(Self { names, edges, members })
    }

    fn name<'a>(&'a self, id: &'a str) -> &'a str {
        self.names.get(id).map_or(id, String::as_str)
    }

    fn direct(&self, id: &str) -> impl Iterator<Item = &str> + use<'_> {
        self.edges.get(id).into_iter().flatten().map(String::as_str)
    }

    /// The names on a shortest way from `from` to a package called `to`.
    fn way<'a>(&'a self, from: &'a str, to: &str) -> Option<Vec<&'a str>> {
        let mut reached: BTreeMap<&str, &str> = BTreeMap::new();
        let mut front = vec![from];
        while !front.is_empty() {
            let mut next = Vec::new();
            for id in front {
                for dependency in self.direct(id) {
                    if dependency == from || reached.contains_key(dependency) {
                        continue;
                    }
                    reached.insert(dependency, id);
                    next.push(dependency);
                    if self.name(dependency) == to {
                        let steps = std::iter::successors(Some(dependency), |id| reached.get(id).copied());
                        let mut way: Vec<&str> = steps.map(|id| self.name(id)).collect();
                        way.reverse();
                        return Some(way);
                    }
                }
            }
            front = next;
        }
        None
    }
}

/// One line for each arrow that the tables do not allow.
pub(crate) fn check(graph: &Graph) -> Vec<String> {
    let mut findings = Vec::new();
    for member in &graph.members {
        let name = graph.name(member);
        let Some((_, allowed)) = ARROWS.iter().find(|(krate, _)| *krate == name) else {
            findings.push(format!("{name} is not in the table of arrows (xtask/src/fences.rs)"));
            continue;
        };
        for dependency in graph.direct(member).filter(|id| graph.members.contains(*id)) {
            let dependency = graph.name(dependency);
            if !allowed.contains(&dependency) {
                findings.push(format!("{name} must not depend on {dependency}; it may use {allowed:?}"));
            }
        }
        for (_, forbidden, why) in FORBIDDEN.iter().filter(|(krate, ..)| *krate == name) {
            for banned in *forbidden {
                if let Some(way) = graph.way(member, banned) {
                    findings.push(format!("{}: {why}", way.join(" -> ")));
                }
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A graph whose package ids are the names; `members` are the workspace.
    fn graph(members: &[&str], edges: &[(&str, &str, Value)]) -> Graph {
        let mut ids: BTreeSet<&str> = members.iter().copied().collect();
        ids.extend(edges.iter().flat_map(|(from, to, _)| [*from, *to]));
        let nodes: Vec<Value> = ids
            .iter()
            .map(|id| {
                let deps: Vec<Value> = edges
                    .iter()
                    .filter(|(from, ..)| from == id)
                    .map(|(_, to, kind)| json!({"pkg": to, "dep_kinds": [{"kind": kind}]}))
                    .collect();
                json!({"id": id, "deps": deps})
            })
            .collect();
        let packages: Vec<Value> = ids.iter().map(|id| json!({"id": id, "name": id})).collect();
        let metadata = json!({"packages": packages, "resolve": {"nodes": nodes}, "workspace_members": members});
        Graph::read(&metadata).unwrap()
    }

    #[test]
    fn allowed_arrows_pass() {
        let graph = graph(
            &["apic-core", "scene", "ui"],
            &[("scene", "apic-core", Value::Null), ("ui", "scene", Value::Null), ("ui", "yew", Value::Null)],
        );
        assert_eq!(check(&graph), Vec::<String>::new());
    }

    #[test]
    fn a_browser_crate_below_the_core_is_found_with_its_way() {
        let graph = graph(&["apic-core"], &[("apic-core", "clock", Value::Null), ("clock", "js-sys", Value::Null)]);
        assert_eq!(check(&graph), ["apic-core -> clock -> js-sys: the machine runs anywhere"]);
    }

    #[test]
    fn a_build_dependency_counts_and_a_dev_dependency_does_not() {
        assert!(check(&graph(&["apic-core"], &[("apic-core", "js-sys", json!("dev"))])).is_empty());
        assert_eq!(check(&graph(&["apic-core"], &[("apic-core", "js-sys", json!("build"))])).len(), 1);
    }

    #[test]
    fn an_arrow_against_the_order_is_found() {
        let graph = graph(&["apic-core", "scene"], &[("apic-core", "scene", Value::Null)]);
        assert_eq!(check(&graph), ["apic-core must not depend on scene; it may use []"]);
    }

    #[test]
    fn a_crate_without_a_row_is_found() {
        assert_eq!(check(&graph(&["newcomer"], &[])).len(), 1);
    }
}
