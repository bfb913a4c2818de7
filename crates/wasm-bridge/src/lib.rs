//! The boundary to JavaScript.

use wasm_bindgen::prelude::wasm_bindgen;

/// The version of this build, for host pages that have to tell builds apart.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

#[cfg(all(test, target_arch = "wasm32"))]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    fn the_version_is_the_workspaces() {
        assert_eq!(super::version(), "0.1.0");
    }
}
