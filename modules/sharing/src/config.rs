//! The numbers of this room, each with its reason. They are part of what two parties agree on, so they are not settings of an
//! installation: changing one changes agreements made from then on, and no earlier one.

use kernel::{Decimal, Duration};

/// Slots are held for ten minutes unless the buyer says otherwise: time to read the quote and ask a colleague.
pub const HOLD_MINUTES: u32 = 10;
/// More holds at once than a buyer deciding between offers needs would keep others out.
pub const HOLDS_MAX: i64 = 20;

/// A machine's state, and the value that means that it is running.
pub const RUN_STATE: &str = "run_state";
/// See [`RUN_STATE`].
pub const RUNNING: i64 = 2;
/// Counters of good pieces, the best one first.
pub const PIECES: [&str; 2] = ["piece_good", "piece_total"];
/// Deviation of the last part from nominal, the best one first.
pub const DEVIATIONS: [&str; 2] = ["diameter_dev", "part_dev"];

/// A sample vouches for a minute: machines speak every few seconds, so a longer silence is a gap.
pub const GAP_MAX_MS: u64 = 60_000;
/// Share of a job that must be covered by data before it is billed.
pub const COVERAGE_LEAST: Decimal = Decimal::from_parts(95, 0, 0, false, 2);
/// Readings are sealed a moment after the job ended, so that the last samples on their way are in.
pub const SEAL_AFTER: Duration = Duration::from_secs(5);
/// First pause before a reading that is covered too little is tried again; each further pause is twice as long.
pub const RESEAL_FIRST: Duration = Duration::from_mins(1);
/// After this time without enough data nothing is billed and the escrow returns: proof is the provider's to bring.
pub const UNPROVEN_AFTER: Duration = Duration::from_days(7);

/// How long both sides have to end a dispute before what was metered stands.
pub const DECIDE_HOURS: u32 = 72;
/// How long after its last slot a booking may stay unfinished before it is ended for the parties.
pub const OVERDUE_AFTER: Duration = Duration::from_hours(12);
/// How long the metered properties may be kept for billing: tax law wants ten years.
pub const DATA_KEPT_DAYS: u32 = 3650;

/// Measured quality counts for thirty days.
pub const ASSURED_FOR: Duration = Duration::from_days(30);
/// Parts measured when the provider does not say how many.
pub const ASSURE_PARTS: u32 = 50;
/// Most parts measured at once.
pub const ASSURE_PARTS_MAX: u32 = 1000;
/// Parts made longer ago than this do not speak for the machine of today.
pub const ASSURE_WITHIN: Duration = Duration::from_days(30);

/// How far ahead a search looks for a free slot.
pub const HORIZON: Duration = Duration::from_days(30);
/// Most rows of each list of a search; the numbers of all are told.
pub const SEARCH_ROWS: usize = 100;
/// Longest stretch of a calendar in one answer.
pub const CALENDAR_MAX: Duration = Duration::from_days(92);

/// How often the meters of running jobs are shown.
pub const LIVE_EVERY: std::time::Duration = std::time::Duration::from_secs(2);
