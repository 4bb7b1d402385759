//! Every refusal has a Chinese text, and no text is left over.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// Codes in the source: literals that follow a constructor of errors or the word of the state machines.
fn codes(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            codes(&path, found);
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        let squeezed: String = source.split_whitespace().collect::<Vec<_>>().join(" ").replace("( \"", "(\"");
        for (place, _) in squeezed.match_indices("\"record.") {
            let (before, after) = (&squeezed[..place], &squeezed[place + 1..]);
            let call = before.rsplit([' ', ';', '{']).next().unwrap_or("");
            let is_code = call.contains("Error::") || call.ends_with("refuse(") || before.ends_with("refuses ");
            let code = after.split('"').next().unwrap();
            if is_code && !code.starts_with("record.lamp") {
                found.insert(code.to_owned());
            }
        }
    }
}

#[test]
fn every_code_has_its_text() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    codes(&root.join("src"), &mut found);
    assert!(found.len() > 120, "the scan found only {found:?}");
    let texts: BTreeMap<String, serde_json::Value> = serde_json::from_str(include_str!("../locale/zh.json")).unwrap();
    let known: BTreeSet<String> = texts.keys().cloned().collect();
    let missing: Vec<_> = found.difference(&known).collect();
    let stale: Vec<_> = known.difference(&found).collect();
    assert!(missing.is_empty() && stale.is_empty(), "without text: {missing:?}; without code: {stale:?}");
}
