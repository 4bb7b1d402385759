//! 七 共享制造: machines offered, found, booked, metered and paid. The example room.
//!
//! A provider states what a connected machine can do ([capability](app::Capability)); a buyer searches, holds slots and books
//! ([booking](app::Booking): agreement, reservation and escrow in one commit); the [job](app::Job) runs on the machine; its
//! sealed readings become the invoice; the escrow is paid out and both ledgers show it.
//!
//! Promises:
//! 1. A booking is whole or is not there: no hold, transfer or agreement is left behind by one that was refused.
//! 2. All slots of one request count together, under the one writer: a machine is never promised twice.
//! 3. The three billing bases count the same two sealed readings, and never more than what was booked.
//! 4. Every refusal of a search names its first failed constraint, what was needed and what is offered.
//! 5. Money in escrow always finds its way out: accepted, by silence, by the end of a dispute, or returned.
//!
//! To grow another room from this one: nouns and rules in `domain` (pure), their tables in `migrations` and `store`, one function
//! per use case in `app` (takes the transaction), one file per noun in `http`, facts in `events`, promised work in `schedule`,
//! a story in `scenarios`. Nothing else is public.

#![deny(missing_docs)]

pub mod app;
mod config;
mod domain;
mod events;
mod http;
mod live;
mod schedule;
mod store;

use appkit::Module;

/// The room: tables, endpoints, reactions, promised work, live meters, texts.
pub fn module() -> Module {
    let module = Module::named("sharing")
        .migrations(&[("0001_sharing", include_str!("../migrations/0001_sharing.sql"))])
        .routes(http::routes())
        .on("sharing.disputes", &["record.case.decided"], |host, entry, tx| {
            Box::pin(events::case_decided(host, entry, tx))
        })
        .task("sharing.live", live::show_for_ever)
        .texts(include_str!("../locale/zh.json"));
    schedule::register(module)
}
