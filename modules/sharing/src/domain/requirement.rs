//! What a buyer needs, and the hard match: every constraint or a named refusal. Soft wishes only rank (see `rank`).

use kernel::{Timestamp, Window};

use super::{
    capability::{Capability, EnvelopeMm, Place},
    catalogue::subsumes,
};

/// A need for capability. Absent means "does not matter".
#[derive(Debug, Clone, PartialEq)]
pub struct Requirement {
    /// Class at any level; narrower offers match.
    pub class: String,
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
    if !subsumes(&need.class, &offer.class) {
        return refuse(Constraint::Process, need.class.clone(), offer.class.clone());
    }
    if let Some(material) = &need.material
        && !offer.materials.iter().any(|taken| subsumes(taken, material))
    {
        return refuse(Constraint::Material, material.clone(), offer.materials.join(", "));
    }
    if let Some(part) = &need.part
        && !offer.envelope.holds(part)
    {
        return refuse(Constraint::Envelope, sides(part), sides(&offer.envelope));
    }
    if let Some(tolerance) = need.tolerance_um
        && offer.tolerance_um > tolerance
    {
        return refuse(Constraint::Tolerance, format!("±{tolerance} µm"), format!("±{} µm", offer.tolerance_um));
    }
    if let Some(roughness) = need.roughness_nm
        && offer.roughness_nm > roughness
    {
        return refuse(Constraint::Roughness, format!("Ra {roughness} nm"), format!("Ra {} nm", offer.roughness_nm));
    }
    if need.lot < offer.lot_min || need.lot > offer.lot_max {
        return refuse(Constraint::Lot, need.lot.to_string(), format!("{}–{}", offer.lot_min, offer.lot_max));
    }
    // A certificate must still hold when the work is done.
    let until = need.window.map_or(now, |window| window.to);
    for scheme in &need.certificates {
        let held = offer.certificates.iter().find(|certificate| certificate.scheme == *scheme);
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
            Some(assurance) if assurance.expires_at > now && offer.state == super::capability::State::Assured => {}
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
