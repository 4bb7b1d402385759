//! The work of a booking on its machine: when it ran, what was read, what came of it.

use kernel::{
    Timestamp, Window,
    id::{AssetId, BookingId, CaseId, InvoiceId, JobId, PartyId, ReadingId},
};

/// The work of a booking on its machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Id.
    pub id: JobId,
    /// Its booking.
    pub booking: BookingId,
    /// The machine.
    pub asset: AssetId,
    /// Who provides.
    pub provider: PartyId,
    /// Who pays.
    pub buyer: PartyId,
    /// When the work began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Running time of the machine in the window of the job.
    pub reading_time: Option<ReadingId>,
    /// Good pieces in the window of the job.
    pub reading_pieces: Option<ReadingId>,
    /// The invoice.
    pub invoice: Option<InvoiceId>,
    /// The open or decided dispute.
    pub dispute: Option<CaseId>,
    /// Why it is not billed yet, or was never: a code and words.
    pub note: Option<String>,
}

impl Job {
    /// The window of the work, once it ended.
    pub fn window(&self) -> Option<Window> {
        Some(Window { from: self.started_at?, to: self.finished_at? })
    }
}
