//! What a buyer needs, and the hard match: every constraint or a named refusal. Soft wishes only rank (see `rank`).

use kernel::{Error, Result, Timestamp, Window};

use super::{
    capability::{Capability, EnvelopeMm, Place, State},
    catalogue::{Class, subsumes},
};

/// A need for capability. Absent means "does not matter".
#[derive(Debug, Clone, PartialEq)]
pub struct Requirement {
    /// Class at any level; narrower offers match.
    pub class: Option<String>,
    /// Material code.
    pub material: Option<String>,
    /// Sides of the part.
    pub part: Option<EnvelopeMm>,
    /// Tolerance needed, half width in micrometres.
    pub tolerance_um: Option<u32>,
    /// Roughness Ra needed, in nanometres.
    pub roughness_nm: Option<u32>,
    /// Pieces.
    pub lot: u32,
    /// Certificates needed.
    pub certificates: Vec<String>,
    /// Whether only measured (assured) tolerance counts.
    pub assured_only: bool,
    /// When the work should be done.
    pub window: Option<Window>,
    /// Where the parts are needed.
    pub place: Option<Place>,
}

/// The constraints in the order in which they are tried; the first that fails is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Constraint {
    /// Not offered at all.
    Offered,
    /// Class of process.
    Process,
    /// Material.
    Material,
    /// Size of the part.
    Envelope,
    /// Tolerance.
    Tolerance,
    /// Roughness.
    Roughness,
    /// Lot size.
    Lot,
    /// Certificates.
    Certificate,
    /// Measured quality.
    Assurance,
}

impl Requirement {
    /// Refuses a need that nothing could be matched with; every wrong field is named.
    pub fn check(&self) -> Result<()> {
        let mut error = Error::invalid("sharing.requirement.malformed", "the requirement cannot be matched like this")
            .hint("correct the named fields, or leave out what does not matter");
        let mut wrong = |bad: bool, pointer: &str, rule: &str| {
            if bad {
                error.fields.push(kernel::FieldError { pointer: pointer.into(), message: rule.into() });
            }
        };
        let unknown = self.class.as_ref().is_some_and(|class| Class::of(class).is_err());
        wrong(unknown, "/class", "must be a code of the catalogue, at any level");
        wrong(self.lot == 0, "/lot", "must be at least 1");
        wrong(self.part.is_some_and(|part| part.sides.contains(&0)), "/part_mm", "sides must be above zero");
        wrong(self.certificates.len() > 20, "/certificates", "must be at most 20");
        wrong(self.window.is_some_and(|window| window.from >= window.to), "/window", "must end after it begins");
        if error.fields.is_empty() { Ok(()) } else { Err(error) }
    }
}

impl Constraint {
    /// Stable name.
    pub fn name(self) -> &'static str {
        match self {
            Constraint::Offered => "offered",
            Constraint::Process => "process",
            Constraint::Material => "material",
            Constraint::Envelope => "envelope",
            Constraint::Tolerance => "tolerance",
            Constraint::Roughness => "roughness",
            Constraint::Lot => "lot",
            Constraint::Certificate => "certificate",
            Constraint::Assurance => "assurance",
        }
    }
}

/// Why an offer does not match: the first failed constraint, with both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which constraint.
    pub constraint: Constraint,
    /// What is needed.
    pub needed: String,
    /// What is offered.
    pub offered: String,
}

/// Checks every hard constraint in order.
pub fn matches(need: &Requirement, offer: &Capability, now: Timestamp) -> Result<(), Refusal> {
    let refuse = |constraint, needed: String, offered: String| Err(Refusal { constraint, needed, offered });
    if !offer.state.offered() {
        return refuse(Constraint::Offered, "published".into(), offer.state.name().into());
    }
    let terms = &offer.terms;
    if let Some(class) = &need.class
        && !subsumes(class, &terms.class)
    {
        return refuse(Constraint::Process, class.clone(), terms.class.clone());
    }
    if let Some(material) = &need.material
        && !terms.materials.iter().any(|taken| subsumes(taken, material))
    {
        return refuse(Constraint::Material, material.clone(), terms.materials.join(", "));
    }
    if let Some(part) = &need.part
        && !terms.envelope.holds(part)
    {
        return refuse(Constraint::Envelope, sides(part), sides(&terms.envelope));
    }
    if let Some(tolerance) = need.tolerance_um
        && terms.tolerance_um > tolerance
    {
        return refuse(Constraint::Tolerance, format!("±{tolerance} µm"), format!("±{} µm", terms.tolerance_um));
    }
    if let Some(roughness) = need.roughness_nm
        && terms.roughness_nm > roughness
    {
        return refuse(Constraint::Roughness, format!("Ra {roughness} nm"), format!("Ra {} nm", terms.roughness_nm));
    }
    if need.lot < terms.lot_min || need.lot > terms.lot_max {
        return refuse(Constraint::Lot, need.lot.to_string(), format!("{}–{}", terms.lot_min, terms.lot_max));
    }
    // A certificate must still hold when the work is done.
    let until = need.window.map_or(now, |window| window.to);
    for scheme in &need.certificates {
        let held = terms.certificates.iter().find(|certificate| certificate.scheme == *scheme);
        match held {
            Some(certificate) if certificate.expires_at >= until && certificate.expires_at > now => {}
            Some(certificate) => {
                return refuse(Constraint::Certificate, scheme.clone(), format!("until {}", certificate.expires_at));
            }
            None => return refuse(Constraint::Certificate, scheme.clone(), "none".into()),
        }
    }
    if need.assured_only {
        match &offer.assurance {
            Some(assurance) if assurance.expires_at > now && offer.state == State::Assured => {}
            Some(assurance) => {
                return refuse(
                    Constraint::Assurance,
                    "measured Cpk".into(),
                    format!("expired {}", assurance.expires_at),
                );
            }
            None => return refuse(Constraint::Assurance, "measured Cpk".into(), "stated only".into()),
        }
    }
    Ok(())
}

fn sides(envelope: &EnvelopeMm) -> String {
    let [x, y, z] = envelope.sides;
    format!("{x} × {y} × {z} mm")
}

#[cfg(test)]
#[path = "requirement_tests.rs"]
mod tests;
