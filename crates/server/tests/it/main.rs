//! The whole, as one: isolation matrix, story, verification, evidence. One target, linked once.

mod body;
mod matrix;
mod program;
