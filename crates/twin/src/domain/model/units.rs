use kernel::Unit;

/// Unit ids of JetLinks and the Rec 20 code each stands for. Ids that Rec 20 or our table has no code for are absent: such a
/// property is imported without a unit, and the import says so. (`turnPerSeconds` is labelled r/min there, and means it.)
const JETLINKS: &[(&str, &str)] = &[
    ("percent", "P1"),
    ("count", "C62"),
    ("turnPerSeconds", "RPM"),
    ("micron", "4H"),
    ("millimeter", "MMT"),
    ("centimeter", "CMT"),
    ("meter", "MTR"),
    ("kilometer", "KMT"),
    ("squareMillimeter", "MMK"),
    ("squareMeter", "MTK"),
    ("days", "DAY"),
    ("hour", "HUR"),
    ("minutes", "MIN"),
    ("seconds", "SEC"),
    ("milliseconds", "C26"),
    ("cubicCentimeter", "CMQ"),
    ("milliliter", "CMQ"),
    ("cubicMeter", "MTQ"),
    ("litre", "LTR"),
    ("cubicMeterPerSec", "MQS"),
    ("cubicMeterPerHour", "MQH"),
    ("gramme", "GRM"),
    ("kilogram", "KGM"),
    ("ton", "TNE"),
    ("pascal", "PAL"),
    ("kiloPascal", "KPA"),
    ("newton", "NEW"),
    ("newtonMeter", "NU"),
    ("kelvin", "KEL"),
    ("celsiusDegrees", "CEL"),
    ("joule", "JOU"),
    ("watt", "WTT"),
    ("kilowatt", "KWT"),
    ("degrees", "DD"),
    ("hertz", "HTZ"),
    ("mPerSec", "MTS"),
    ("kmPerHr", "KMH"),
    ("volt", "VLT"),
    ("kiloVolt", "KVT"),
    ("ampere", "AMP"),
    ("milliAmpere", "4K"),
    ("kWattsHour", "KWH"),
];

/// The Rec 20 unit behind a JetLinks unit id.
pub fn jetlinks_unit(id: &str) -> Option<Unit> {
    JETLINKS.iter().find(|(jetlinks, _)| *jetlinks == id).and_then(|(_, code)| Unit::of(code).ok())
}

/// A unit by JetLinks id, by symbol as people write it, or by Rec 20 code.
pub fn unit_named(name: &str) -> Option<Unit> {
    jetlinks_unit(name)
        .or_else(|| Unit::all().find(|unit| unit.entry().symbol == name && name != "1"))
        .or_else(|| SPELLINGS.iter().find(|(spelling, _)| *spelling == name).and_then(|(_, code)| Unit::of(code).ok()))
        .or_else(|| Unit::of(name).ok())
}

/// Symbols that other platforms export and our table spells otherwise.
const SPELLINGS: &[(&str, &str)] =
    &[("℃", "CEL"), ("μm", "4H"), ("mL", "CMQ"), ("L", "LTR"), ("N.m", "NU"), ("kW·h", "KWH"), ("count", "C62")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mapped_code_exists_and_ids_are_unique() {
        let mut seen = std::collections::HashSet::new();
        for (id, code) in JETLINKS.iter().chain(SPELLINGS.iter().filter(|(s, _)| *s != "count")) {
            assert!(Unit::of(code).is_ok(), "{id} → {code}");
            assert!(seen.insert(id), "{id} twice");
        }
    }

    #[test]
    fn names_symbols_and_codes_lead_to_the_same_unit() {
        for name in ["celsiusDegrees", "℃", "°C", "CEL"] {
            assert_eq!(unit_named(name).unwrap().code(), "CEL", "{name}");
        }
        assert_eq!(unit_named("turnPerSeconds").unwrap().code(), "RPM");
        assert!(unit_named("knots").is_none() && unit_named("").is_none());
    }
}
