//! The whole registry of rooms: a line for each of the ten chapters that has one.

use appkit::Module;

/// Every room of this build.
pub fn all() -> Vec<Module> {
    vec![
        sharing::module(),
        // new rooms above
    ]
}
