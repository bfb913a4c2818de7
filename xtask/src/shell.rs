//! Running other programs: found, started, checked, with errors that name the command.
//!
//! It leaves out pipes and shells; nothing here needs them.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::Error;

/// Runs `command` with its output shown. `what` is the sentence's subject when it fails.
pub(crate) fn run(what: &str, command: &mut Command) -> Result<(), Error> {
    run_allowing(&[0], what, command)
}

/// The same for a program that has something to say with its exit status: `codes` are no failure.
pub(crate) fn run_allowing(codes: &[i32], what: &str, command: &mut Command) -> Result<(), Error> {
    let status = command.status().map_err(|source| start_error(command, source))?;
    if status.code().is_some_and(|code| codes.contains(&code)) {
        return Ok(());
    }
    Err(Error::Failed { what: what.to_owned(), status: status.to_string(), command: words(command) })
}

/// Runs `command` and returns what it printed; its complaints stay visible.
pub(crate) fn output(what: &str, command: &mut Command) -> Result<String, Error> {
    let output = command.stderr(Stdio::inherit()).output().map_err(|source| start_error(command, source))?;
    if !output.status.success() {
        return Err(Error::Failed {
            what: what.to_owned(),
            status: output.status.to_string(),
            command: words(command),
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// What a probe prints, or `None` if it cannot run. For "is it there, and which version".
pub(crate) fn probe(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The program `name` on this process's PATH.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// This process's PATH with `first` in front of it.
pub(crate) fn path_with(first: &[PathBuf]) -> Result<std::ffi::OsString, Error> {
    let rest = env::var_os("PATH").unwrap_or_default();
    env::join_paths(first.iter().cloned().chain(env::split_paths(&rest)))
        .map_err(|error| Error::Unexpected { what: "PATH".into(), detail: error.to_string() })
}

/// The cargo that started this process, for native builds.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

fn start_error(command: &Command, source: std::io::Error) -> Error {
    Error::Start { program: command.get_program().to_string_lossy().into_owned(), source }
}

fn words(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}
