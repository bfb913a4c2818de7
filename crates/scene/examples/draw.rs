//! Draws a preset's page as HTML with standalone SVG, to look at.
//!
//! `cargo run -p scene --example draw -- PRESET|FILE [BEAT|opening|end|tick:N] [WIDTH] > page.html`

use apic_core::run::Lockstep;
use apic_core::scenario::{Scenario, preset};
use scene::{Moment, PageData, Projection, STANDALONE_CSS, View, narrate_beat};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let name = args.first().map_or("pinned-vs-offloaded", String::as_str);
    let scenario = match std::fs::read_to_string(name) {
        Ok(text) => Scenario::from_text(&text)?,
        Err(_) => preset(name)?,
    };
    let mut lockstep = Lockstep::new(&scenario);
    let position = match args.get(1).map_or("opening", String::as_str) {
        "opening" => lockstep.opening(),
        "end" => lockstep.len(),
        other => match other.strip_prefix("tick:") {
            Some(n) => lockstep.ticks()[n.parse::<usize>()?].end,
            None => other.parse()?,
        },
    };
    let width: u32 = args.get(2).map_or(Ok(960), |w| w.parse())?;
    lockstep.seek(position);
    let page = PageData::collect(&lockstep, lockstep.tick_of(position.saturating_sub(1)));
    println!(
        "<!doctype html><meta charset=utf-8><style>body{{margin:16px;font:15px/1.45 system-ui;background:#fbfaf7;color:#1d2430}}.card{{background:#fff;border:1px solid #dcd8cf;border-radius:10px;padding:14px 16px;margin-bottom:14px;width:{width}px}}@media (prefers-color-scheme:dark){{body{{background:#12161d;color:#e8ebf0}}.card{{background:#1a2029;border-color:#323b48}}}}h2{{font-size:15px;margin:0 0 6px}}</style>"
    );
    let compared: Vec<_> = page.paths().iter().map(|p| p.way).collect();
    let mut told = Vec::new();
    for (p, steps) in page.paths().iter().enumerate() {
        let moment = Moment::of(&lockstep, p);
        let view =
            View { width, projection: Projection::for_width(width), style: Some(STANDALONE_CSS), id: format!("s{p}") };
        let stage = page.draw(p, &moment, &view);
        println!("<div class=card><h2>{} · {}</h2>{}</div>", steps.way.title(), stage.tally.text(), stage.svg);
        if let Some(record) = moment.step.and_then(|s| steps.records.iter().find(|r| r.index == s)) {
            told.push((steps.way, record));
        }
        eprintln!("{}", page.text(p, &moment));
    }
    let said = narrate_beat(&told, &compared, &scenario);
    println!("<div class=card>{}</div>", said.text());
    eprintln!("{}\nposition {position} of {}, ticks {:?}", said.text(), lockstep.len(), lockstep.ticks());
    Ok(())
}
