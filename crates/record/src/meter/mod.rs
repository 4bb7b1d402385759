pub mod rules;
mod sample;
mod statement;
pub use sample::MeterSample;
pub use statement::Statement;
