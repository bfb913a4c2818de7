//! The boundary to JavaScript: what a host page asks of the model, as strings ([`api`]) or moment by moment ([`player`]);
//! what tests and benchmarks ask ([`mod@bench`]); the few things the page asks of its browser ([`browser`]); and how the page
//! and its lab talk ([`worker`]). Knows nothing of Yew.

#[cfg(all(target_family = "wasm", feature = "engine"))]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

#[cfg(feature = "api")]
pub mod api;
#[cfg(feature = "bench")]
pub mod bench;
pub mod browser;
#[cfg(feature = "lab-client")]
pub mod files;
#[cfg(feature = "api")]
pub mod player;
#[cfg(feature = "lab")]
pub mod worker;
