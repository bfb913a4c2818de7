//! The whole delivery matrix: 256 vectors × 16 task-priority classes × 4 states of the vCPU, against a second reading of the
//! manual that shares nothing with the model (`sdm`).

use apic_core::bench::script::{self, Command};
use apic_core::bench::{Answer, Bench, DescriptorState, Outcome, World as _};
use apic_core::kvm::Mode;

/// The manual's rules for one request, one priority and one state, in the manual's order, with plain numbers.
///
/// SDM, "Posted-Interrupt Processing", "Evaluation of Pending Virtual Interrupts", "Virtual-Interrupt Delivery", "PPR
/// Virtualization", "VM Entry: activity state".
mod sdm {
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(crate) enum State {
        /// Executing, interrupts enabled.
        Running,
        /// Executing, RFLAGS.IF = 0.
        Disabled,
        /// In the HLT activity state, interrupts enabled.
        Halted,
        /// In root operation; it enters when asked.
        Outside,
    }

    pub(crate) struct Logical {
        pub(crate) virr: [bool; 256],
        pub(crate) visr: [bool; 256],
        pub(crate) vppr: u32,
        pub(crate) rvi: u32,
        pub(crate) svi: u32,
        pub(crate) halted: bool,
        pub(crate) delivered: Vec<u32>,
    }

    /// What is true before and after the vCPU processes a request for `vector`, with VTPR = `tpr`.
    pub(crate) fn process(vector: u32, tpr: u32, state: State) -> Logical {
        let mut l = Logical {
            virr: [false; 256],
            visr: [false; 256],
            vppr: 0,
            rvi: 0,
            svi: 0,
            halted: state == State::Halted,
            delivered: Vec::new(),
        };
        // PPR virtualization when the guest wrote VTPR, or at VM entry: nothing is in service.
        l.vppr = if tpr / 16 >= l.svi / 16 { tpr } else { l.svi / 16 * 16 };
        // Step 5 and 6 of posted-interrupt processing; software does the same before an entry.
        l.virr[vector as usize] = true;
        if vector > l.rvi {
            l.rvi = vector;
        }
        // Step 7, or the evaluation at VM entry.
        let recognised = l.rvi / 16 > l.vppr / 16;
        // A recognised interrupt is delivered at the next boundary where IF is 1; HLT ends.
        if recognised && state != State::Disabled {
            let v = l.rvi;
            l.visr[v as usize] = true;
            l.svi = v;
            l.vppr = v / 16 * 16;
            l.virr[v as usize] = false;
            l.rvi = (0..256).rev().find(|&n| l.virr[n as usize]).unwrap_or(0);
            l.halted = false;
            l.delivered.push(v);
        }
        l
    }
}

fn obey(bench: &mut Bench, line: &str) -> Outcome {
    let command = script::read_line(1, line).expect("a command").expect("not a comment");
    bench.obey(command).expect("it can be obeyed")
}

fn state(bench: &mut Bench) -> DescriptorState {
    let Ok(Outcome::Answer(Answer::State(state))) = bench.obey(Command::State) else { panic!("state is answered") };
    *state
}

#[track_caller]
fn check(vector: u32, tpr: u32, before: sdm::State) {
    let mut bench = Bench::new();
    // HLT does not exit, the handler does not acknowledge: what is in service stays visible.
    for line in ["path posted", "auto-eoi 0", &format!("tpr {tpr}")] {
        obey(&mut bench, line);
    }
    match before {
        sdm::State::Running => {}
        sdm::State::Disabled => drop(obey(&mut bench, "if 0")),
        sdm::State::Halted => drop(obey(&mut bench, "hlt")),
        sdm::State::Outside => drop(obey(&mut bench, "exit")),
    }
    obey(&mut bench, &format!("post {vector}"));
    obey(&mut bench, "notify");
    if before == sdm::State::Outside {
        let waiting = state(&mut bench);
        let posted: Vec<_> = waiting.pir.iter().map(|v| u32::from(v.number())).collect();
        assert_eq!((posted, waiting.on, waiting.mode), (vec![vector], true, Mode::Outside));
        assert!(waiting.virr.is_empty() && waiting.visr.is_empty());
        obey(&mut bench, "entry");
    }
    let expect = sdm::process(vector, tpr, before);
    let is = state(&mut bench);
    let numbers = |bits: &[bool; 256]| (0..256u32).filter(|&n| bits[n as usize]).collect::<Vec<_>>();
    let set = |set: &apic_core::lapic::VectorSet| set.iter().map(|v| u32::from(v.number())).collect::<Vec<_>>();
    assert_eq!(
        (set(&is.virr), set(&is.visr)),
        (numbers(&expect.virr), numbers(&expect.visr)),
        "{vector} {tpr} {before:?}"
    );
    let registers = (u32::from(is.rvi), u32::from(is.svi), u32::from(is.vppr));
    assert_eq!(registers, (expect.rvi, expect.svi, expect.vppr), "{vector} {tpr} {before:?}");
    assert_eq!((is.halted, is.mode, is.on), (expect.halted, Mode::InGuest, false), "{vector} {tpr} {before:?}");
    assert!(is.pir.is_empty());
    let Outcome::Answer(Answer::Fired(fired)) = obey(&mut bench, "fired") else { panic!("fired is answered") };
    let fired: Vec<_> = fired.iter().map(|f| u32::from(f.vector.number())).collect();
    assert_eq!(fired, expect.delivered, "{vector} {tpr} {before:?}");
}

#[test]
fn every_vector_in_every_class_and_state() {
    let states = [sdm::State::Running, sdm::State::Disabled, sdm::State::Halted, sdm::State::Outside];
    let mut cases = 0;
    for vector in 0..256 {
        for class in 0..16 {
            for before in states {
                // The low bits of the task priority vary too: they must not matter for the class.
                check(vector, class * 16 + (vector + class) % 16, before);
                cases += 1;
            }
        }
    }
    assert_eq!(cases, 256 * 16 * 4);
}
