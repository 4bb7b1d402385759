//! What each verb does to a resource: data, in the manner of the vocabulary's effect table. Verbs follow ValueFlows; the
//! last six are ours.

use crate::machine::words;

words! {
    /// What happened or is promised.
    pub enum Action {
        /// Makes new quantity.
        Produce "produce";
        /// Uses quantity up.
        Consume "consume";
        /// Uses something that stays.
        Use "use";
        /// Works for some time.
        Work "work";
        /// Refers to something.
        Cite "cite";
        /// Takes something in to work on it.
        Accept "accept";
        /// Gives it back changed.
        Modify "modify";
        /// Puts something into a container.
        Combine "combine";
        /// Takes something out of one.
        Separate "separate";
        /// Takes something along.
        Pickup "pickup";
        /// Sets it down.
        Dropoff "dropoff";
        /// Does something for somebody.
        DeliverService "deliver_service";
        /// Hands over with all rights.
        Transfer "transfer";
        /// Hands over rights only.
        TransferAllRights "transfer_all_rights";
        /// Hands over the thing only.
        TransferCustody "transfer_custody";
        /// Changes its place.
        Move "move";
        /// Copies something digital.
        Copy "copy";
        /// Corrects a quantity upwards.
        Raise "raise";
        /// Corrects a quantity downwards.
        Lower "lower";
        /// Takes availability, not quantity.
        Reserve "reserve";
        /// Gives availability back.
        Release "release";
        /// Opens a right of use, with custody.
        Lend "lend";
        /// Closes it.
        Return "return";
        /// Records a sealed reading as use of a machine.
        Meter "meter";
        /// Sets a disposition with a verdict.
        Inspect "inspect";
    }
}

/// What happens to a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// Becomes more.
    Increase,
    /// Becomes less.
    Decrease,
    /// Goes from the resource to the other one, or stays when the thing as a whole changes hands.
    Shift,
}

/// Effects and demands of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// On what the owner has.
    pub accounting: Effect,
    /// On what is there.
    pub on_hand: Effect,
    /// Whether the owner becomes the receiver.
    pub moves_owner: bool,
    /// Whether the custodian becomes the receiver.
    pub moves_custodian: bool,
    /// Whether a resource must be named.
    pub needs_resource: bool,
    /// Whether a quantity must be given.
    pub needs_quantity: bool,
    /// Whether evidence must be cited.
    pub needs_evidence: bool,
}

impl Action {
    /// Effects and demands.
    pub const fn rule(self) -> Rule {
        use Effect::{Decrease, Increase, Shift};
        const N: Effect = Effect::None;
        // accounting, on hand, owner, custodian, resource, quantity, evidence
        let (accounting, on_hand, moves_owner, moves_custodian, needs_resource, needs_quantity, needs_evidence) =
            match self {
                Action::Produce | Action::Raise => (Increase, Increase, false, false, true, true, false),
                Action::Consume | Action::Lower => (Decrease, Decrease, false, false, true, true, false),
                Action::Use | Action::Work | Action::Cite | Action::DeliverService => {
                    (N, N, false, false, false, false, false)
                }
                Action::Accept | Action::Combine | Action::Pickup => (N, Decrease, false, false, true, true, false),
                Action::Modify | Action::Separate | Action::Dropoff => (N, Increase, false, false, true, true, false),
                Action::Transfer => (Shift, Shift, true, true, true, true, false),
                Action::TransferAllRights => (Shift, N, true, false, true, true, false),
                Action::TransferCustody => (N, Shift, false, true, true, true, false),
                Action::Move => (N, N, false, false, true, false, false),
                Action::Copy => (Increase, Increase, false, false, true, true, false),
                Action::Reserve | Action::Release => (N, N, false, false, false, true, false),
                Action::Lend | Action::Return => (N, N, false, true, true, false, false),
                Action::Meter => (N, N, false, false, false, true, true),
                Action::Inspect => (N, N, false, false, true, false, true),
            };
        Rule { accounting, on_hand, moves_owner, moves_custodian, needs_resource, needs_quantity, needs_evidence }
    }

    /// Whether it moves rights and therefore needs attestation by both sides, or an evidence rule (I15).
    pub const fn moves_rights(self) -> bool {
        self.rule().moves_owner
    }
}
