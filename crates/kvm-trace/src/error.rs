//! Why a file gave no arms. Each message says what is wrong, where, and what would be right.

/// Records what [`read_arms`](crate::read_arms) needs. The expiry events relate the two clocks; the
/// entries tell a timer that the host moved from one that the guest armed.
pub const RECORD_COMMAND: &str = "perf record -a -e kvm:kvm_msr,kvm:kvm_apic,kvm:kvm_entry,\
timer:hrtimer_start,timer:hrtimer_expire_entry,timer:hrtimer_expire_exit -- sleep 1";

/// Records all that [`analyze`](crate::analyze) reads.
pub const RECORD_ALL_COMMAND: &str = "perf record -a -e 'kvm:*' -e 'timer:hrtimer_*' -e 'irq_vectors:local_timer_*' \
-e 'irq_vectors:reschedule_*' -e sched:sched_switch -- sleep 1";

/// Turns a `perf.data` file into the text that is read here.
const TEXT_COMMAND: &str = "perf script > arms.txt";

/// Why a recording could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Reading failed below the text.
    #[error("line {line}: the file could not be read: {source}")]
    Io {
        /// The line that was being read, counted from 1.
        line: u64,
        /// What the system said.
        source: std::io::Error,
    },

    /// There is nothing in the file.
    #[error(
        "the file is empty: expected the text of a recording. Record with `{RECORD_COMMAND}`, then \
         `{TEXT_COMMAND}`"
    )]
    Empty,

    /// A NUL byte, or bytes that are no UTF-8 in a line that is no event.
    #[error(
        "line {line} is not text: expected what `perf script` prints. If the file is a perf.data, \
         `{TEXT_COMMAND}` beside it makes the text"
    )]
    Binary {
        /// Counted from 1.
        line: u64,
    },

    /// Text, but not one line of it is an event.
    #[error(
        "line {first}: not a line of a recording, nor is any of the {lines} lines: expected lines such \
         as `vmm 812 [001] 2493.037125: kvm:kvm_msr: msr_write 6e0 = 0x488ef2db93e`, which \
         `perf script` or `trace-cmd report` print"
    )]
    NotARecording {
        /// The first line that was not understood, counted from 1 (1 if there are only comments).
        first: u64,
        /// Lines in the file.
        lines: u64,
    },

    /// A recording of something else.
    #[error(
        "{events} events, but none of KVM: the first are {first}. Expected events such as kvm:kvm_exit, \
         kvm:kvm_msr and kvm:kvm_apic_accept_irq. Record with `{RECORD_ALL_COMMAND}`, then `{TEXT_COMMAND}`"
    )]
    NoKvmEvents {
        /// Events in the file.
        events: u64,
        /// Names of the first kinds of them.
        first: String,
    },

    /// A recording in which no guest armed its timer.
    #[error(
        "no arm of a guest's APIC timer in {lines} lines: expected a kvm_msr event `msr_write 6e0 = …` \
         (TSC deadline) or `msr_write 838 = …`, or a kvm_apic event `apic_write APIC_TMICT = …` (initial \
         count). Record with `{RECORD_COMMAND}`, then `{TEXT_COMMAND}`"
    )]
    NoArms {
        /// Lines in the file.
        lines: u64,
    },

    /// Arms, but no host timer started for any of them.
    #[error(
        "line {first}: the guest arms its timer here, but neither this arm nor any of the {arms} has an \
         hrtimer_start event with function=apic_timer_fn, so the deadlines are not known. Either the \
         event was not recorded (record with `{RECORD_COMMAND}`), or function names are hidden \
         (run `perf script` as root), or the host uses the VMX preemption timer (load kvm_intel with \
         preemption_timer=0)"
    )]
    NoDeadlines {
        /// The line of the first arm, counted from 1.
        first: u64,
        /// Arms found.
        arms: usize,
    },

    /// Deadlines, but nothing that says how their clock and the recording's clock relate.
    #[error(
        "line {first}: the guest arms its timer here, but no hrtimer_expire_entry event with \
         function=apic_timer_fn relates the clock of the deadlines to the clock of the lines. Record \
         with `{RECORD_COMMAND}`, on all CPUs"
    )]
    NoClock {
        /// The line of the first arm, counted from 1.
        first: u64,
    },
}
