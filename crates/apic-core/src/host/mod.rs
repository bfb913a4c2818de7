//! What Linux does with CPUs and hrtimers.

mod hrtimer;
mod nohz;
mod store_buffer;
mod topology;

pub use hrtimer::{HrtimerBase, Placement, SwitchBase, TimerId, switch_hrtimer_base};
pub use nohz::{NohzTarget, get_nohz_timer_target, get_nohz_timer_target_4_3};
pub use store_buffer::StoreBuffers;
pub use topology::{CpuSet, Topology};
