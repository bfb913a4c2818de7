//! Whose virtualization extensions there are.

use serde::{Deserialize, Serialize};

/// The processor's vendor, as far as KVM has a module for it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vendor {
    /// Intel VMX.
    #[default]
    Vmx,
    /// AMD SVM.
    Svm,
}
