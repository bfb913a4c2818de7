//! Guest memory of a test VM.
//!
//! `KVM_SET_USER_MEMORY_REGION` gives a guest part of this process's memory; the compiler cannot know who else uses it.
//! [`GuestMemory`] makes the call safe for everybody else: its bytes live as long as the process and are only ever
//! reached as atomics, so a guest that writes while the host reads is no data race.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::sync::atomic::{AtomicU8, Ordering};

use kvm_bindings::kvm_userspace_memory_region;
use kvm_ioctls::{Error, VmFd};

const PAGE: usize = 4096;

#[repr(align(4096))]
struct Page([AtomicU8; PAGE]);

/// Memory that a guest may be given, in whole pages. Never freed: a VM may outlive every handle to it.
#[derive(Clone, Copy)]
pub struct GuestMemory(&'static [Page]);

impl GuestMemory {
    /// Zeroed memory of at least `bytes` bytes.
    #[must_use]
    pub fn leak(bytes: usize) -> Self {
        let pages = (0..bytes.div_ceil(PAGE)).map(|_| Page([const { AtomicU8::new(0) }; PAGE])).collect::<Vec<_>>();
        Self(pages.leak())
    }

    /// Copies `bytes` to guest address `at` and on; what does not fit is left out.
    pub fn write(self, at: usize, bytes: &[u8]) {
        for (place, byte) in self.0.iter().flat_map(|page| &page.0).skip(at).zip(bytes) {
            place.store(*byte, Ordering::Release);
        }
    }

    /// Makes this memory the guest's physical memory from address 0 on, as slot 0.
    ///
    /// # Errors
    ///
    /// What `KVM_SET_USER_MEMORY_REGION` answers.
    pub fn give_to(self, vm: &VmFd) -> Result<(), Error> {
        let region = kvm_userspace_memory_region {
            slot: 0,
            flags: 0,
            guest_phys_addr: 0,
            memory_size: (self.0.len() * PAGE) as u64,
            userspace_addr: self.0.as_ptr() as u64,
        };
        // SAFETY: the region is exactly the pages of `self`: page-aligned, initialised, and leaked, so that they stay
        // mapped for as long as any VM of this process can run. The guest's writes can meet only atomic accesses.
        #[allow(unsafe_code)]
        unsafe {
            vm.set_user_memory_region(region)
        }
    }
}
