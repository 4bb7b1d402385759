//! Use cases: load → rules → save and publish. Each takes the one transaction it happens in, so that several become one commit,
//! and the organisation it happens for; whether its caller may is decided before, by the route's policy.
//!
//! Functions are named noun first. What only reads takes the host.

mod assure;
mod booking;
mod calendar;
mod capability;
mod dispute;
mod hold;
mod job;
mod machine;
mod meter;
mod seal;
mod search;
mod settle;
mod terms;

pub use assure::{capability_assure, capability_lapse, capability_measure};
pub use booking::{NewBooking, booking_cancel, booking_make, booking_overdue, quote};
pub use calendar::{Calendar, calendar_get, opening_set};
pub use capability::{
    capability_create, capability_publish, capability_update, capability_visible, capability_withdraw,
};
pub use dispute::{booking_dispute, dispute_concede, dispute_end, dispute_expire, dispute_withdraw};
pub use hold::{NewHold, hold_expire, hold_make, hold_release};
pub use job::{job_finish, job_start};
pub(crate) use meter::{Counted, count};
pub use meter::{JobMeter, job_meter};
pub use seal::job_seal;
pub use search::{Found, Match, Rejected, search};
pub use settle::{booking_accept, booking_settle};

pub use crate::{
    domain::{
        booking::{Booking, Cost, Paid, State as BookingState},
        calendar::Opening,
        capability::{Assurance, Capability, Certificate, EnvelopeMm, Place, State as CapabilityState, Terms},
        hold::Hold,
        job::Job,
        price::{Basis, PriceRule},
        rank::{Score, Weights},
        requirement::{Refusal, Requirement},
    },
    store::{
        booking::{booking_get, booking_get_in_tx},
        capability::capability_get,
        job::{job_get, job_get_in_tx, job_of_booking, job_of_booking_in_tx},
    },
};
