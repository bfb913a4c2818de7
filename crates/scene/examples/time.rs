//! How long a page takes to collect and to draw. `cargo run --release -p scene --example time`

use apic_core::run::Lockstep;
use apic_core::scenario::PRESETS;
use scene::{Moment, PageData, Projection, View};
use std::time::Instant;

const ROUNDS: u32 = 500;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for p in PRESETS {
        let mut lockstep = Lockstep::new(&p.scenario()?);
        lockstep.seek(lockstep.opening());
        let tick = lockstep.tick_of(lockstep.position().saturating_sub(1));
        let start = Instant::now();
        for _ in 0..ROUNDS {
            std::hint::black_box(PageData::collect(&lockstep, tick));
        }
        let collect = start.elapsed() / ROUNDS;
        let page = PageData::collect(&lockstep, tick);
        let start = Instant::now();
        let mut bytes = 0;
        for _ in 0..ROUNDS {
            bytes = 0;
            for path in 0..page.paths().len() {
                let view = View { width: 960, projection: Projection::Wide, id: "s".to_owned() };
                bytes += page.draw(path, &Moment::of(&lockstep, path), &view).svg.len();
            }
        }
        println!("{:28} collect {collect:>9.1?}  draw {:>9.1?}  {bytes} bytes", p.name, start.elapsed() / ROUNDS);
    }
    Ok(())
}
