use std::{net::SocketAddr, process::ExitCode, sync::Arc};

use clap::Args;
use contracts::telemetry::TelemetryStore;
use kernel::{Chance, Duration, Error, Result, SeededChance, Timestamp, Window, sha256};
use record::ledger::{Reason, transfer_list, trial_balance};
use serde_json::{Value, json};
use sharing::app::{Basis, Booking, job_of_booking};
use simulator::Park;

use crate::{
    config::Config,
    platform::Platform,
    scenario::{Plan, SteppedClock, backfill, carry_out, fund, offer, register},
};

/// Monday 2026-03-02, 00:00 in China: the story always happens then.
const BEGINS: Timestamp = Timestamp::from_micros(1_772_380_800_000_000);
const STEP: Duration = Duration::from_secs(30);

/// Run the whole chain headless in an empty directory.
#[derive(Debug, Args)]
pub struct Story {
    /// Seed: the same seed gives the same digest.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Story {
    pub async fn run(self, config: Config, as_json: bool) -> Result<ExitCode> {
        let begun = config.data.join("telemetry").exists() || config.data.join("baigong.db").exists();
        if begun {
            return Err(Error::conflict("server.story.not-empty", format!("{} is not empty", config.data.display()))
                .hint("name an empty directory with --data"));
        }
        let clock = Arc::new(SteppedClock::at(BEGINS));
        let chance: Arc<dyn Chance> = Arc::new(SeededChance::new(self.seed));
        let platform = Platform::open(&config, clock.clone(), chance, true).await?;
        let told = tell(&platform, &clock, self.seed).await;
        platform.close().await;
        let told = told?;
        if as_json {
            super::print_json(&told);
        } else {
            println!("digest {}", told["digest"].as_str().unwrap_or_default());
            for line in told["trial_balance"].as_array().into_iter().flatten() {
                println!("trial balance {} debits {} credits {}", line["currency"], line["debits"], line["credits"]);
            }
            for reading in told["readings"].as_array().into_iter().flatten() {
                println!(
                    "reading {} {} {} evidence {}",
                    reading["id"], reading["quantity"], reading["unit"], reading["evidence"]
                );
            }
            println!("{:#}", told["trace"]);
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A milling machine of one company works for another, three times, billed by time, by value and by pieces.
async fn tell(platform: &Platform, clock: &SteppedClock, seed: u64) -> Result<Value> {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 15_020));
    let (registered, _) = register(platform, Park::demo_from(seed, BEGINS), nowhere).await?;
    fund(platform, &registered, 50_000_000).await?;
    let window = Window { from: BEGINS, to: BEGINS + Duration::from_days(2) };
    backfill(platform, &registered, window, STEP).await?;
    let offered = offer(platform, &registered).await?;
    let capability =
        offered.values().next().ok_or_else(|| Error::internal("server.story.no-offer", "the park offers nothing"))?;
    let buyer = *registered
        .companies
        .values()
        .find(|party| **party != capability.provider)
        .ok_or_else(|| Error::internal("server.story.no-buyer", "the park has one company only"))?;
    let mut bookings = Vec::new();
    for (number, basis) in [Basis::Time, Basis::Value, Basis::Pieces].into_iter().enumerate() {
        // 09:00–13:00 in China on the first day, 14:00–18:00, 09:00–13:00 on the second.
        let from = BEGINS + Duration::from_hours([9, 14, 33][number]);
        let plan = Plan {
            capability: capability.id,
            buyer,
            basis,
            slot: Window { from, to: from + Duration::from_hours(4) },
            pieces: capability.terms.lot_max.min(100),
            part: format!("HX-{}", 7 + number),
        };
        bookings.push(carry_out(platform, clock, plan).await?);
    }
    clock.set(window.to);
    platform.settle().await?;
    account_for(platform, &bookings).await
}

async fn account_for(platform: &Platform, bookings: &[Booking]) -> Result<Value> {
    let mut readings = Vec::new();
    let mut trace = Value::Null;
    for booking in bookings {
        let job = job_of_booking(platform.host.db(), booking.id).await?;
        for id in [job.reading_time, job.reading_pieces].into_iter().flatten() {
            let reading = record::meter::reading_get(&mut platform.host.db(), id).await?;
            readings.push(json!({
                "id": id,
                "booking": booking.id,
                "quantity": reading.statement.quantity,
                "unit": reading.statement.unit,
                "coverage": reading.statement.coverage,
                "evidence": reading.statement.evidence,
                "state": format!("{:?}", reading.state).to_lowercase(),
            }));
        }
    }
    let payments = transfer_list(&mut platform.host.db(), None, 0, 10_000).await?;
    let system = appkit::Caller::system();
    let paid = |reason: Reason| matches!(reason, Reason::EscrowRelease | Reason::Payment);
    if let Some(payment) = payments.iter().rev().find(|found| paid(found.transfer.reason)) {
        let viewer = appkit::Caller { tenant: bookings.first().map_or(system.tenant, |b| b.provider), ..system };
        trace = json!(record::trace::trace(&platform.host, &viewer, &payment.transfer.id.to_string()).await?);
    }
    let lines: Vec<Value> = trial_balance(&platform.host, None).await?.iter().map(|line| json!(line)).collect();
    let mut sums: std::collections::BTreeMap<String, (i128, i128)> = std::collections::BTreeMap::new();
    for line in trial_balance(&platform.host, None).await? {
        let sum = sums.entry(line.currency.to_string()).or_default();
        sum.0 += i128::from(line.debits_minor);
        sum.1 += i128::from(line.credits_minor);
    }
    let balance: Vec<Value> = sums
        .iter()
        .map(|(currency, (debits, credits))| {
            json!({ "currency": currency, "debits": debits.to_string(), "credits": credits.to_string(),
                    "sum": (debits - credits).to_string() })
        })
        .collect();
    // Everything that was recorded, in its one order, and every point, is in these two numbers and hashes.
    let head = appkit::journal::head(&platform.host).await?;
    let stats = platform.telemetry.stats();
    let body = json!({
        "journal": { "entries": head.0, "head": head.1 },
        "points": stats.points,
        "trial_balance": balance,
        "accounts": lines,
        "readings": readings,
        "trace": trace,
    });
    let digest = sha256(&[body.to_string().as_bytes()]).hex();
    let mut told = json!({ "digest": digest });
    if let (Some(told), Value::Object(body)) = (told.as_object_mut(), body) {
        told.extend(body);
    }
    Ok(told)
}
