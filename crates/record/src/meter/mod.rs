//! Meters and readings: where telemetry becomes a billable decimal that anybody allowed can compute again.

mod app;
mod domain;
pub(crate) mod http;
pub(crate) mod reading_http;
pub mod rules;
mod sample;
mod statement;
pub(crate) mod store;

pub(crate) use app::recompute_from;
pub use app::{
    Correction, NewMeter, Preview, Recomputed, meter_adjust, meter_create, meter_preview, meter_retire,
    reading_correct, reading_export, reading_recompute, reading_seal, readings_collect, readings_seal,
    readings_seal_collected, recollect,
};
pub use domain::{Meter, MeterState, Reading, ReadingState};
pub use sample::MeterSample;
pub use statement::Statement;
pub use store::{
    adjustment_list, meter_get, meter_list, meter_list_by_asset, reading_get, reading_list, reading_list_by_agreement,
    reading_list_by_asset, reading_list_by_evidence,
};
