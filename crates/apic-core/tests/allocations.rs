//! Stepping allocates nothing: a counting allocator watches this test binary.

use apic_core::run::Sim;
use apic_core::scenario::{PRESETS, PathKind};

#[test]
fn no_step_allocates_once_the_first_ticks_are_over() {
    let warm_up = 2_000;
    let steps = 20_000;
    for preset in PRESETS {
        let scenario = preset.scenario().expect("ships valid");
        for path in PathKind::ALL {
            let mut sim = Sim::new(&scenario, *path);
            // Queues grow to their size.
            for _ in 0..warm_up {
                sim.step_silently();
            }
            let endless = scenario.allows(*path).is_ok() && scenario.guest.arms.is_empty();
            let handlers = sim.machine().handlers();
            let mut taken = 0;
            let counted = allocation_counter::measure(|| {
                taken = (0..steps).map_while(|_| sim.step_silently()).count();
                // Long runs go another way, as far as ticks come at all.
                if endless && sim.machine().handlers() - handlers > 100 {
                    sim.run_on_silently(100);
                }
            });
            let what = format!("{} {}, {taken} steps", preset.name, path.name());
            assert!(taken > 0 || !scenario.guest.arms.is_empty(), "{what}");
            assert_eq!((counted.count_total, counted.bytes_total), (0, 0), "{what}");
        }
    }
}

#[test]
fn the_counter_counts() {
    let counted = allocation_counter::measure(|| drop(std::hint::black_box(vec![0u8; 100])));
    assert_eq!((counted.count_total, counted.bytes_total), (1, 100));
}
