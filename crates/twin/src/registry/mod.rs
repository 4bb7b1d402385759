//! Everything about machines that must be answered at once: nodes, thing models, devices, rules. Loaded at start, changed
//! right after the commit that changed it, in this process. The database is the truth.

mod cache;
mod nouns;

pub use cache::Registry;
pub use nouns::{CompiledStateRule, Device, Everything, Machine, ModelVersion, Node, Rule, Target};
