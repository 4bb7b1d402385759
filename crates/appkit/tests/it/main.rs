//! The host's and identity's promises, on every engine. One target, so that it is linked once.

mod host;
mod identity;
