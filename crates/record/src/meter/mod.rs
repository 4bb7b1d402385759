//! Meters and readings: where telemetry becomes a billable decimal that anybody allowed can compute again.

mod app;
mod domain;
pub(crate) mod http;
mod proving;
pub(crate) mod reading_http;
pub mod rules;
mod sample;
mod sealing;
mod statement;
pub(crate) mod store;

pub use app::{NewMeter, Preview, meter_adjust, meter_create, meter_preview, meter_retire};
pub use domain::{Meter, MeterState, Reading, ReadingState};
pub(crate) use proving::recompute_from;
pub use proving::{Correction, Recomputed, reading_correct, reading_export, reading_recompute, recollect};
pub use sample::MeterSample;
pub use sealing::{reading_seal, readings_collect, readings_seal, readings_seal_collected};
pub use statement::Statement;
pub use store::{
    adjustment_list, meter_get, meter_list, meter_list_by_asset, reading_get, reading_list, reading_list_by_agreement,
    reading_list_by_asset, reading_list_by_evidence,
};
