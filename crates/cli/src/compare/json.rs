//! `exitless compare --json`: the comparison as one document, with every difference.

use super::{Comparison, Count, Difference, Times};
use crate::error::Failure;
use crate::json::write;
use apic_core::run::{Distribution, Fit, Signed, Summary};
use serde::Serialize;
use serde_json::{Value, json};
use std::io::Write;

#[derive(Serialize)]
struct Document<'a> {
    file: &'a str,
    thread: u32,
    /// Version of the machine's rules and costs.
    model_version: &'static str,
    preset: Option<&'a str>,
    path: &'static str,
    path_because: &'static str,
    ticks: Ticks,
    /// Handlers of the compared ticks, and all that the model started.
    handlers: Handlers,
    /// From deadline to expiry; `null` where nothing was measured.
    lateness_ns: Sides<i64>,
    expiry_to_accept_ns: Sides<u64>,
    /// Percentiles are those of a sorted list; else they are up to 1/128 above.
    exact: bool,
    /// In words.
    costs: &'a str,
    calibration: Option<Vec<Value>>,
    differences: Vec<Value>,
    not_compared: Vec<Value>,
}

#[derive(Serialize)]
struct Ticks {
    recorded: u64,
    compared: u64,
    agree: u64,
    path: Count,
    exit: Count,
    outcome: Count,
}

#[derive(Serialize)]
struct Handlers {
    recording: u64,
    model: u64,
    started_by_model: u64,
}

#[derive(Serialize)]
struct Sides<T> {
    recording: Option<Summary<T>>,
    model: Option<Summary<T>>,
}

pub(super) fn print(c: &Comparison, out: &mut impl Write) -> Result<(), Failure> {
    let [recording, model] = c.handlers;
    let all = |times: &Times| {
        let Signed { above, below } = &times.lateness;
        [above, below, &times.expiry_to_accept].into_iter().all(Distribution::is_exact)
    };
    let document = Document {
        file: &c.name,
        thread: c.thread.0,
        model_version: env!("CARGO_PKG_VERSION"),
        preset: c.preset.as_deref(),
        path: c.path.name(),
        path_because: c.why,
        ticks: Ticks {
            recorded: c.recorded,
            compared: c.compared,
            agree: c.agree,
            path: c.paths,
            exit: c.exits,
            outcome: c.outcomes,
        },
        handlers: Handlers { recording, model, started_by_model: c.started },
        lateness_ns: Sides { recording: c.machine.lateness.summary(), model: c.model.lateness.summary() },
        expiry_to_accept_ns: Sides {
            recording: c.machine.expiry_to_accept.summary(),
            model: c.model.expiry_to_accept.summary(),
        },
        exact: all(&c.machine) && all(&c.model),
        costs: &c.costs,
        calibration: c.calibration.as_ref().map(|told| told.fits.iter().map(fit).collect()),
        differences: c
            .differences
            .iter()
            .map(|(cause, of)| {
                let ticks: Vec<_> = of.iter().map(tick).collect();
                json!({ "cause": cause.name(), "what": cause.words(), "count": of.len(), "ticks": ticks })
            })
            .collect(),
        not_compared: c.not_compared.iter().map(|(n, what)| json!({ "count": n, "what": what })).collect(),
    };
    write(&document, out)
}

fn tick(difference: &Difference) -> Value {
    let Difference { number, line, words } = difference;
    json!({ "tick": number + 1, "line": line, "words": words })
}

fn fit(fit: &Fit) -> Value {
    json!({
        "reason": fit.times.reason,
        "samples": fit.times.samples,
        "min_ns": fit.times.min_ns,
        "avg_ns": fit.times.avg_ns,
        "max_ns": fit.times.max_ns,
        "scaled": fit.scaled.iter().map(|kind| kind.what()).collect::<Vec<_>>(),
        "settled_elsewhere_ns": fit.too_long_ns,
    })
}
