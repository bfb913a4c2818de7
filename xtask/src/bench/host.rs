//! Where and when figures were taken.

use std::process::Command;

use crate::places::Places;
use crate::shell;

/// The machine as it was before a measurement.
pub(crate) struct Host {
    date: String,
    processor: String,
    compiler: String,
    load: String,
}

impl Host {
    pub(crate) fn new(places: &Places) -> Self {
        let day = "new Date().toISOString().slice(0, 10)";
        let date = shell::probe(Command::new("node").args(["-p", day])).unwrap_or_else(|| "an unknown day".to_owned());
        let compiler = shell::probe(Command::new("rustc").current_dir(&places.root).arg("--version"));
        Self {
            date,
            processor: processor(&std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default()),
            compiler: compiler.unwrap_or_else(|| "an unknown rustc".to_owned()),
            load: load(),
        }
    }

    /// One line for the figures' head, when they have been taken.
    pub(crate) fn after(&self) -> String {
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        format!(
            "Measured on {}: {}, {cpus} CPUs, {}, {}; load average {} before and {} after.",
            self.date,
            self.processor,
            std::env::consts::OS,
            self.compiler,
            self.load,
            load()
        )
    }
}

/// The first processor's name, from Linux' list of them.
fn processor(cpuinfo: &str) -> String {
    let name = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or_else(|| format!("a processor of kind {}", std::env::consts::ARCH), |(_, name)| name.trim().to_owned())
}

/// Of the last minute.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use super::processor;

    #[test]
    fn a_processor_has_a_name() {
        assert_eq!(processor("processor\t: 0\nmodel name\t: A: B 3\nmodel name\t: C\n"), "A: B 3");
        assert!(processor("").contains(std::env::consts::ARCH));
    }
}
