//! Every refusal has its Chinese text, and every text its refusal.

use std::{collections::BTreeSet, fs, path::Path};

fn sources(folder: &Path, out: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            out.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_code_has_a_chinese_text() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut code = String::new();
    sources(&root.join("src/identity"), &mut code);
    let texts: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&fs::read_to_string(root.join("locale/identity.zh.json")).unwrap()).unwrap();
    // What reaches a caller; what is our own fault, or damage on disk, is for the operator's log.
    let mut used = BTreeSet::new();
    for kind in ["invalid", "unauthenticated", "denied", "not_found", "conflict", "throttled", "unavailable"] {
        for call in code.split(&format!("Error::{kind}(")).skip(1) {
            let name = call.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
            used.extend(name.filter(|name| name.starts_with("identity.")).map(str::to_owned));
        }
    }
    assert!(used.len() >= 20, "{used:?}");
    let missing: Vec<_> = used.iter().filter(|code| !texts.contains_key(*code)).collect();
    assert!(missing.is_empty(), "without a text: {missing:?}");
    let stale: Vec<_> = texts.keys().filter(|name| name.starts_with("identity.") && !used.contains(*name)).collect();
    assert!(stale.is_empty(), "texts of codes that nobody uses: {stale:?}");
}
