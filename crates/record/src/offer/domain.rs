use crate::machine::{machine, words};

words! {
    /// What kind of wish it is.
    pub enum OfferKind {
        /// For sale or hire.
        Listing "listing";
        /// Asking for quotations.
        Rfq "rfq";
        /// Asking for sealed bids.
        Tender "tender";
        /// An answer to a request.
        Quote "quote";
        /// A task with a reward.
        Bounty "bounty";
        /// Capacity of a machine or plant.
        Capacity "capacity";
        /// Asking for money.
        LoanRequest "loan_request";
    }
}

machine! {
    /// Where a wish stands.
    pub enum OfferState refuses "record.offer.step" {
        /// Being written.
        Draft "draft" => [Published, Withdrawn];
        /// Open to others.
        Published "published" => [Closed, Awarded, Expired, Withdrawn];
        /// No more answers; sealed ones are not read yet.
        Closed "closed" => [Opened, Awarded, Withdrawn];
        /// Sealed answers are read.
        Opened "opened" => [Awarded, Withdrawn];
        /// Became an agreement.
        Awarded "awarded" => [];
        /// Its time is over.
        Expired "expired" => [];
        /// Taken back.
        Withdrawn "withdrawn" => [];
    }
}
