//! Text files to tables of cells.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

use flate2::read::MultiGzDecoder;
use kernel::{Error, Result, Timestamp};

/// A table with named columns.
#[derive(Debug, PartialEq)]
pub(super) struct Table {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// Unpacked bytes; a gzip bomb ends here.
const BYTES_MAX: u64 = 256 << 20;
const COLUMNS_MAX: usize = 256;

/// The columns of NASA's turbofan sets, whose files have none: unit, cycle, three settings, twenty-one sensors.
const TURBOFAN: usize = 26;

pub(super) fn read(path: &Path) -> Result<Table> {
    let text = text(path)?;
    let stem = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    parse(&text, &stem)
}

fn text(path: &Path) -> Result<String> {
    let unreadable = |error: std::io::Error| {
        Error::unavailable("simulator.replay.unreadable", format!("{} cannot be read", path.display())).because(error)
    };
    let mut file = File::open(path).map_err(unreadable)?;
    let mut magic = [0; 2];
    let gzipped = file.read(&mut magic).map_err(unreadable)? == 2 && magic == [0x1f, 0x8b];
    file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    let mut bytes = Vec::new();
    let source: Box<dyn Read> = if gzipped { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    source.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(Error::too_large(
            "simulator.replay.too-large",
            format!("more than {} MiB of text", BYTES_MAX >> 20),
        ));
    }
    String::from_utf8(bytes)
        .map_err(|error| malformed(format!("not UTF-8 from byte {} on", error.utf8_error().valid_up_to())))
}

fn malformed(what: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::unprocessable("simulator.replay.malformed", what)
}

pub(super) fn parse(text: &str, file_name: &str) -> Result<Table> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let first = text.lines().find(|line| !line.trim().is_empty()).ok_or_else(|| malformed("the file is empty"))?;
    let mut rows = match delimiter(first) {
        Some(delimiter) => delimited(text, delimiter)?,
        None => text
            .lines()
            .map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
            .filter(|row| !row.is_empty())
            .collect(),
    };
    let width = rows.first().map_or(0, Vec::len);
    if width == 0 || width > COLUMNS_MAX {
        return Err(malformed(format!("{width} columns")));
    }
    let headed = rows[0].iter().all(|cell| !cell.is_empty() && cell.parse::<f64>().is_err() && moment(cell).is_none());
    let columns = if headed {
        rows.remove(0)
    } else if width == TURBOFAN && (file_name.starts_with("train_FD") || file_name.starts_with("test_FD")) {
        let settings = (1..=3).map(|n| format!("setting_{n}"));
        ["unit".to_owned(), "cycle".to_owned()]
            .into_iter()
            .chain(settings)
            .chain((1..=21).map(|n| format!("s{n}")))
            .collect()
    } else if width == 1 {
        return Err(malformed("a single column without a name is not a series"));
    } else {
        (1..=width).map(|n| format!("c{n}")).collect()
    };
    let all = rows.len();
    rows.retain(|row| row.len() == width);
    if all < 2 || rows.len() * 10 < all * 9 {
        return Err(malformed(format!("only {} of {all} rows have {width} cells", rows.len())));
    }
    Ok(Table { columns, rows })
}

/// The separator that occurs most; none for blanks.
fn delimiter(line: &str) -> Option<u8> {
    let count = |c: char| line.matches(c).count();
    [';', '\t', ','].into_iter().filter(|c| count(*c) > 0).max_by_key(|c| count(*c)).map(|c| c as u8)
}

fn delimited(text: &str, delimiter: u8) -> Result<Vec<Vec<String>>> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    reader
        .records()
        .map(|record| {
            let record = record.map_err(|error| malformed("not a table").because(error))?;
            Ok(record.iter().map(str::to_owned).collect())
        })
        .collect()
}

/// A moment as people write it: RFC 3339, or date and time of day without a zone (taken as UTC).
pub(super) fn moment(cell: &str) -> Option<Timestamp> {
    // Cheap refusal of the many cells that are numbers: a date has its first separator at the fifth character.
    if cell.len() < 10 || !matches!(cell.as_bytes().get(4), Some(b'-' | b'/')) {
        return None;
    }
    let text = cell.replace('/', "-").replacen(' ', "T", 1);
    if let Ok(time) = text.parse() {
        return Some(time);
    }
    let text = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        16 => format!("{text}:00Z"),
        _ => format!("{text}Z"),
    };
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_headers_and_blanks_are_told_apart() {
        let semicolons =
            parse("datetime;A B;C\n2020-03-01 15:44:06;1.5;0\n2020-03-01 15:44:07;1.6;0\n", "1.csv").unwrap();
        assert_eq!(semicolons.columns, ["datetime", "A B", "C"]);
        assert_eq!(semicolons.rows[1], ["2020-03-01 15:44:07", "1.6", "0"]);
        let blanks = parse("1 1  0.5 \n1 2  0.6 \n", "x.txt").unwrap();
        assert_eq!((blanks.columns[2].as_str(), blanks.rows.len()), ("c3", 2));
        let wide = format!("{}\n{}\n", vec!["1"; 26].join(" "), vec!["2"; 26].join(" "));
        assert_eq!(parse(&wide, "train_FD001.txt").unwrap().columns[25], "s21");
        assert_eq!(parse("112\n98\n", "RUL_FD001.txt").unwrap_err().code, "simulator.replay.malformed");
        assert_eq!(parse("", "x").unwrap_err().code, "simulator.replay.malformed");
        assert_eq!(parse("a,b\n1,2\n3\n4\n", "x").unwrap_err().code, "simulator.replay.malformed");
    }

    #[test]
    fn moments_in_several_forms() {
        let expected = "2014-04-01T00:05:00Z".parse().ok();
        for text in [
            "2014-04-01 00:05:00",
            "2014/04/01 00:05",
            "2014-04-01T00:05:00Z",
            "2014-04-01T08:05:00+08:00",
            "2014-04-01 00:05:00.000",
        ] {
            assert_eq!(moment(text), expected, "{text}");
        }
        assert_eq!(moment("1396310700.5"), None);
        assert_eq!(moment("abcd-ef-gh"), None);
    }
}
