//! Debian packages: the one way to a browser and to a wasm32 compiler where neither comes from its maker's site.

use std::process::Command;

use super::announce;
use crate::error::Error;
use crate::shell;

/// Installs `packages`, as root or through sudo; otherwise says what to type.
pub(super) fn install(packages: &[&str], why: &str, cost: &str) -> Result<(), Error> {
    let list = packages.join(" ");
    let by_hand = format!("apt-get install --no-install-recommends {list}");
    if shell::find("apt-get").is_none() {
        return Err(Error::Missing {
            program: list,
            remedy: format!(
                "{why}; this machine has no apt-get, so install it with your own package manager (Debian's way: {by_hand})"
            ),
        });
    }
    let sudo = if is_root() {
        None
    } else {
        Some(shell::find("sudo").ok_or_else(|| Error::Missing {
            program: list.clone(),
            remedy: format!("{why}; run as root: {by_hand}"),
        })?)
    };
    announce(&format!("Debian packages {list}"), why, cost);
    let apt = |arguments: &[&str]| {
        let mut command = sudo.as_ref().map_or_else(
            || Command::new("apt-get"),
            |sudo| {
                let mut command = Command::new(sudo);
                command.arg("apt-get");
                command
            },
        );
        command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments);
        command
    };
    // A stale package list makes the install fail with "not found"; refreshing it may fail for an unrelated source.
    if let Err(error) = shell::run("refreshing the package list", &mut apt(&["update", "-q"])) {
        eprintln!("warning: {error}; trying with the list as it is");
    }
    let mut arguments = vec!["install", "-y", "-q", "--no-install-recommends"];
    arguments.extend(packages);
    shell::run("installing Debian packages", &mut apt(&arguments))
        .map_err(|error| Error::Missing { program: list, remedy: format!("{error}; by hand, as root: {by_hand}") })
}

fn is_root() -> bool {
    shell::probe(Command::new("id").arg("-u")).is_some_and(|id| id == "0")
}
