//! record
pub mod canonical;
pub mod evidence;
pub mod ledger;
mod machine;
pub mod meter;
