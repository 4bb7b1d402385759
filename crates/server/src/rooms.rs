//! The whole registry of rooms. Ten chapters, at most ten lines.

use appkit::Module;

/// Every room of this build.
pub fn all() -> Vec<Module> {
    vec![sharing::module()]
}
