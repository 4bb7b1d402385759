//! Columns to properties: ids, types, units, times.

use std::{
    collections::{BTreeMap, HashSet},
    path::Path,
    sync::Arc,
};

use contracts::telemetry::{Value, ValueType};
use serde_json::{Value as Json, json};

use super::{
    RecordedProperty, Recording, ReplayOptions,
    table::{Table, moment},
};

/// What people write in brackets behind a column's name.
const UNITS: &[(&str, &str)] = &[
    ("%", "P1"),
    ("A", "AMP"),
    ("bar", "BAR"),
    ("°C", "CEL"),
    ("degC", "CEL"),
    ("C", "CEL"),
    ("g", "K40"),
    ("h", "HUR"),
    ("Hz", "HTZ"),
    ("K", "KEL"),
    ("kN", "B47"),
    ("kPa", "KPA"),
    ("kW", "KWT"),
    ("kWh", "KWH"),
    ("l/min", "L2"),
    ("m3/h", "MQH"),
    ("min", "MIN"),
    ("mm", "MMT"),
    ("mm/s", "C16"),
    ("MPa", "MPA"),
    ("N", "NEW"),
    ("Nm", "NU"),
    ("Pa", "PAL"),
    ("rpm", "RPM"),
    ("s", "SEC"),
    ("V", "VLT"),
    ("W", "WTT"),
];

/// The recordings of a table: one, or one per unit where a fleet lies in one file.
pub(super) fn recordings(file: &Path, table: Table, options: &ReplayOptions) -> Vec<Recording> {
    let name = name_of(file);
    let Some(unit) = table.columns.iter().position(|column| column == "unit") else {
        return vec![recording(&name, file, &table.columns, &table.rows.iter().collect::<Vec<_>>(), None, options)];
    };
    let mut fleet: BTreeMap<(usize, &str), Vec<&Vec<String>>> = BTreeMap::new();
    for row in &table.rows {
        // Shorter numbers first: unit 2 before unit 10.
        fleet.entry((row[unit].len(), row[unit].as_str())).or_default().push(row);
    }
    fleet
        .into_iter()
        .map(|((_, number), rows)| {
            recording(&format!("{name}-{number}"), file, &table.columns, &rows, Some(unit), options)
        })
        .collect()
}

fn recording(
    name: &str,
    file: &Path,
    columns: &[String],
    rows: &[&Vec<String>],
    skip: Option<usize>,
    options: &ReplayOptions,
) -> Recording {
    let time = time_column(columns, rows);
    let kept: Vec<usize> =
        (0..columns.len()).filter(|index| Some(*index) != time.as_ref().map(|t| t.0) && Some(*index) != skip).collect();
    let mut ids = HashSet::new();
    let mut properties = Vec::with_capacity(kept.len());
    for index in &kept {
        let (plain, bracket) = split_unit(&columns[*index]);
        // A lone column called "value" says nothing: the file's name does.
        let base = if plain.eq_ignore_ascii_case("value") { slug(&stem(file)) } else { slug(plain) };
        let base = if base.is_empty() { format!("c{}", index + 1) } else { base };
        let id = (1..)
            .map(|n| if n == 1 { base.clone() } else { format!("{base}_{n}") })
            .find(|id| ids.insert(id.clone()))
            .unwrap_or(base);
        let value_type = infer(rows.iter().map(|row| row[*index].as_str()));
        let numeric = matches!(value_type, ValueType::F64 | ValueType::I64);
        let named = options.units.get(&columns[*index]).cloned();
        let unit =
            named.or_else(|| UNITS.iter().find(|(text, _)| Some(*text) == bracket).map(|(_, code)| (*code).to_owned()));
        properties.push(RecordedProperty {
            id,
            column: columns[*index].clone(),
            value_type,
            unit: unit.filter(|_| numeric),
        });
    }
    let mut timed: Vec<(i64, Vec<Option<Value>>)> = rows
        .iter()
        .enumerate()
        .map(|(number, row)| {
            let at = time.as_ref().map_or(number as i64 * options.step.micros() / 1000, |(_, moments)| moments[number]);
            let cells =
                kept.iter().zip(&properties).map(|(index, property)| cell(&row[*index], property.value_type)).collect();
            (at, cells)
        })
        .collect();
    timed.retain(|(_, cells)| cells.iter().any(Option::is_some));
    timed.sort_by_key(|(at, _)| *at);
    let first = timed.first().map_or(0, |(at, _)| *at);
    let mut last = -1;
    for (at, _) in &mut timed {
        // Two rows of one moment would be two values for one identity.
        *at = (*at - first).max(last + 1);
        last = *at;
    }
    Recording { name: name.to_owned(), file: file.to_path_buf(), properties, rows: Arc::new(timed) }
}

/// The column that tells the time, and the rows' times in milliseconds. Every row must have one.
fn time_column(columns: &[String], rows: &[&Vec<String>]) -> Option<(usize, Vec<i64>)> {
    let named =
        |name: &String| matches!(name.to_lowercase().as_str(), "timestamp" | "datetime" | "time" | "date" | "ts");
    let candidates = columns.iter().enumerate().filter(|(_, name)| named(name)).map(|(index, _)| index).chain([0]);
    for index in candidates {
        let moments: Option<Vec<i64>> = rows.iter().map(|row| moment(&row[index]).map(|at| at.millis())).collect();
        if let Some(moments) = moments {
            return Some((index, moments));
        }
    }
    // Seconds since the start, as laboratories write them.
    let seconds =
        columns.iter().position(|name| matches!(name.to_lowercase().as_str(), "t_s" | "time_s" | "time [s]"))?;
    let moments = rows.iter().map(|row| {
        row[seconds].parse::<f64>().ok().filter(|s| s.is_finite() && s.abs() < 1e12).map(|s| (s * 1000.0) as i64)
    });
    let moments = moments.collect::<Option<Vec<_>>>()?;
    // A time that starts again with every run would interleave the runs.
    moments.is_sorted().then_some((seconds, moments))
}

fn missing(cell: &str) -> bool {
    cell.is_empty()
        || matches!(
            cell.to_ascii_lowercase().as_str(),
            "nan" | "na" | "null" | "none" | "inf" | "-inf" | "+inf" | "infinity" | "-infinity"
        )
}

fn infer<'a>(cells: impl Iterator<Item = &'a str>) -> ValueType {
    let (mut boolean, mut whole, mut number, mut any) = (true, true, true, false);
    for cell in cells.filter(|cell| !missing(cell)) {
        any = true;
        boolean &= cell.eq_ignore_ascii_case("true") || cell.eq_ignore_ascii_case("false");
        whole &= cell.parse::<i64>().is_ok();
        number &= cell.parse::<f64>().is_ok_and(f64::is_finite);
    }
    match (any, boolean, whole, number) {
        (false, ..) => ValueType::F64,
        (_, true, ..) => ValueType::Bool,
        (_, _, true, _) => ValueType::I64,
        (_, _, _, true) => ValueType::F64,
        _ => ValueType::Str,
    }
}

fn cell(text: &str, value_type: ValueType) -> Option<Value> {
    if missing(text) {
        return None;
    }
    match value_type {
        ValueType::F64 => text.parse().ok().map(Value::F64),
        ValueType::I64 => text.parse().ok().map(Value::I64),
        ValueType::Bool => Some(Value::Bool(text.eq_ignore_ascii_case("true"))),
        ValueType::Str => Some(Value::Str(text.chars().take(1000).collect::<String>().into())),
    }
}

/// `Torque [Nm]` → `Torque`, `Nm`.
fn split_unit(column: &str) -> (&str, Option<&str>) {
    match column.split_once('[') {
        Some((name, rest)) if !name.trim().is_empty() => (name.trim(), rest.split(']').next().map(str::trim)),
        _ => (column.trim(), None),
    }
}

/// An id from a name: `Volume Flow RateRMS` → `volume_flow_rate_rms`.
fn slug(name: &str) -> String {
    let mut id = String::new();
    let mut before = ' ';
    for c in name.chars() {
        let gap = c.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit());
        if (gap || !c.is_ascii_alphanumeric()) && !id.is_empty() && !id.ends_with('_') {
            id.push('_');
        }
        if c.is_ascii_alphanumeric() {
            id.push(c.to_ascii_lowercase());
        }
        before = c;
    }
    id.truncate(56);
    let id = id.trim_end_matches('_');
    if id.starts_with(|c: char| c.is_ascii_digit()) { format!("c_{id}") } else { id.to_owned() }
}

/// A recording's name: folders and file, without extensions.
fn name_of(file: &Path) -> String {
    let folders = file
        .parent()
        .into_iter()
        .flat_map(Path::components)
        .map(|part| part.as_os_str().to_string_lossy().into_owned());
    folders.chain([stem(file)]).collect::<Vec<_>>().join("-")
}

/// A file's name without folder and extensions.
fn stem(file: &Path) -> String {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned()
}

pub(super) fn json(property: &RecordedProperty) -> Json {
    let kind = match property.value_type {
        ValueType::F64 => "double",
        ValueType::I64 => "long",
        ValueType::Bool => "boolean",
        ValueType::Str => "string",
    };
    let mut value_type = json!({ "type": kind });
    let mut expands = json!({ "nameEn": property.column, "counter": false });
    if let Some(code) = &property.unit {
        value_type["unit"] = json!(kernel::Unit::of(code).map_or(code.as_str(), |unit| unit.entry().symbol));
        expands["rec20"] = json!(code);
    }
    json!({ "id": property.id, "name": property.column, "valueType": value_type, "expands": expands })
}

#[cfg(test)]
mod tests {
    use super::{super::table::parse, *};

    fn read(text: &str, file: &str) -> Vec<Recording> {
        recordings(Path::new(file), parse(text, file).unwrap(), &ReplayOptions::default())
    }

    #[test]
    fn ids_types_and_units() {
        let text = "UDI,Type,Air temperature [K],Rotational speed [rpm],Machine failure,ok,gap\n1,M,298.1,1551,0,true,\n2,L,298.2,1408,1,false,nan\n";
        let recording = &read(text, "ai4i2020.csv.gz")[0];
        let told: Vec<_> =
            recording.properties.iter().map(|p| (p.id.as_str(), p.value_type, p.unit.as_deref())).collect();
        assert_eq!(
            told,
            [
                ("udi", ValueType::I64, None),
                ("type", ValueType::Str, None),
                ("air_temperature", ValueType::F64, Some("KEL")),
                ("rotational_speed", ValueType::I64, Some("RPM")),
                ("machine_failure", ValueType::I64, None),
                ("ok", ValueType::Bool, None),
                ("gap", ValueType::F64, None),
            ]
        );
        assert_eq!(recording.length(), kernel::Duration::from_secs(1));
        assert_eq!(recording.rows[1].1[6], None);
        let model: Json = serde_json::from_str(&recording.thing_model()).unwrap();
        assert_eq!(model["properties"][2]["valueType"], json!({ "type": "double", "unit": "K" }));
        for (_, code) in UNITS {
            kernel::Unit::of(code).unwrap();
        }
    }

    #[test]
    fn times_are_rebased_sorted_and_made_distinct() {
        let text = "timestamp,value\n2014-04-01 00:05:00,2\n2014-04-01 00:00:00,1\n2014-04-01 00:05:00,3\n";
        let recording = &read(text, "machine_temperature.csv")[0];
        assert_eq!(recording.properties[0].id, "machine_temperature");
        let rows: Vec<_> = recording.rows.iter().map(|(at, cells)| (*at, cells[0].clone())).collect();
        assert_eq!(rows, [(0, Some(Value::I64(1))), (300_000, Some(Value::I64(2))), (300_001, Some(Value::I64(3)))]);
    }

    #[test]
    fn seconds_that_start_again_are_not_the_time() {
        let once = &read("cycle,t_s,v\n1,0,4.2\n1,16.5,4.1\n", "trace.csv")[0];
        assert_eq!((once.length(), once.properties.len()), (kernel::Duration::from_millis(16_500), 2));
        let again = &read("cycle,t_s,v\n1,0,4.2\n1,16.5,4.1\n2,0,4.2\n", "trace.csv")[0];
        assert_eq!((again.length(), again.properties.len()), (kernel::Duration::from_secs(2), 3));
    }

    #[test]
    fn a_fleet_in_one_file_becomes_its_units() {
        let line = |unit: u32, cycle: u32| format!("{unit} {cycle} {}\n", vec!["0.5"; 24].join(" "));
        let text: String = [(1, 1), (10, 1), (2, 1), (2, 2)].map(|(u, c)| line(u, c)).concat();
        let names: Vec<_> =
            read(&text, "train_FD001.txt").iter().map(|r| (r.name.clone(), r.rows(), r.properties.len())).collect();
        assert_eq!(
            names,
            [
                ("train_FD001-1".to_owned(), 1, 25),
                ("train_FD001-2".to_owned(), 2, 25),
                ("train_FD001-10".to_owned(), 1, 25)
            ]
        );
    }

    #[test]
    fn slugs() {
        for (name, id) in [
            ("Volume Flow RateRMS", "volume_flow_rate_rms"),
            ("Accelerometer1RMS", "accelerometer1_rms"),
            ("2nd stage", "c_2nd_stage"),
            ("温度", ""),
        ] {
            assert_eq!(slug(name), id);
        }
    }
}
