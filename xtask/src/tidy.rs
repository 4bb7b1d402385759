//! Rules that the compiler cannot see. Each finding says where and what to do instead.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

/// Words that must not stand in code, with the replacement.
const BANNED: &[(&str, &str)] = &[
    ("todo!(", "finish it"),
    ("unimplemented!(", "finish it"),
    (".sync_all().ok()", "a failed sync must stop the store (promise P10)"),
];

pub fn run(root: &Path) -> anyhow::Result<()> {
    let mut findings = Vec::new();
    map_is_true(root, &mut findings)?;
    rules_are_explained(root, &mut findings)?;
    doors_exist(root, &mut findings)?;
    rooms_keep_to_themselves(root, &mut findings)?;
    words(root, &mut findings)?;
    reasons(root, &mut findings)?;
    error_texts(root, &mut findings)?;
    if findings.is_empty() {
        println!("tidy: nothing found");
        return Ok(());
    }
    for finding in &findings {
        eprintln!("tidy: {finding}");
    }
    bail!("{} findings", findings.len());
}

/// Every crate is on the map, and every path on the map exists.
fn map_is_true(root: &Path, findings: &mut Vec<String>) -> anyhow::Result<()> {
    let map = fs::read_to_string(root.join("ARCHITECTURE.md")).context("ARCHITECTURE.md")?;
    for folder in ["crates", "modules"] {
        for name in folders(&root.join(folder))? {
            let path = format!("{folder}/{name}");
            if !map.contains(&path) {
                findings.push(format!("ARCHITECTURE.md does not mention {path}: add a line to the code map"));
            }
        }
    }
    for document in documents(root)? {
        let text = fs::read_to_string(&document)?;
        for path in quoted_paths(&text) {
            if !root.join(&path).exists() {
                findings.push(format!("{} mentions {path}, which does not exist", shown(root, &document)));
            }
        }
    }
    Ok(())
}

/// Everything that people read: the pages at the top, of every crate and room, and in docs.
fn documents(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found: Vec<PathBuf> = ["ARCHITECTURE.md", "README.md", "README.zh-CN.md", "CONTRIBUTING.md", "SECURITY.md"]
        .map(|name| root.join(name))
        .into();
    for folder in ["crates", "modules"] {
        let readmes =
            folders(&root.join(folder))?.into_iter().map(|name| root.join(folder).join(name).join("README.md"));
        found.extend(readmes.filter(|path| path.exists()));
    }
    found.push(root.join("web/README.md"));
    let mut open = vec![root.join("docs")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            match path.extension().and_then(|extension| extension.to_str()) {
                _ if path.is_dir() => open.push(path),
                Some("md") => found.push(path),
                _ => {}
            }
        }
    }
    Ok(found)
}

/// Every number that code cites, such as I16, is explained in docs/rules.md.
fn rules_are_explained(root: &Path, findings: &mut Vec<String>) -> anyhow::Result<()> {
    let page = fs::read_to_string(root.join("docs/rules.md"))?;
    let explained: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
        .flat_map(|cell| cell.split(", "))
        .flat_map(|part| match part.split_once('–') {
            // I22–I24 explains I23 as well.
            Some((from, to)) => {
                let number = |text: &str| text.get(1..).and_then(|digits| digits.parse::<u32>().ok());
                let kind = from.get(..1).unwrap_or_default().to_owned();
                let numbers = number(from).zip(number(to)).map_or(0..=0, |(from, to)| from..=to);
                numbers.map(|number| format!("{kind}{number}")).collect::<Vec<_>>()
            }
            None => vec![part.to_owned()],
        })
        .collect();
    for folder in ["crates", "modules"] {
        for file in rust_files(&root.join(folder))? {
            for number in cited(&fs::read_to_string(&file)?) {
                if !explained.contains(&number) {
                    findings.push(format!("{}: {number} is not explained in docs/rules.md", shown(root, &file)));
                }
            }
        }
    }
    Ok(())
}

/// Numbers of invariants and promises in brackets, as comments cite them: (I16), (I16, I17), (P10).
fn cited(text: &str) -> BTreeSet<String> {
    let numbered = |word: &&str| {
        word.strip_prefix(['I', 'P']).is_some_and(|digits| {
            (1..=2).contains(&digits.len()) && digits.parse::<u8>().is_ok_and(|number| number <= 40)
        })
    };
    text.split('(')
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .flat_map(|(inside, _)| inside.split(", "))
        .filter(numbered)
        .map(str::to_owned)
        .collect()
}

/// Paths in backquotes that begin with a top folder of ours.
fn quoted_paths(text: &str) -> BTreeSet<String> {
    let tops = ["crates/", "modules/", "docs/", "web/", "scripts/", "xtask/", ".ci/"];
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter(|part| tops.iter().any(|top| part.starts_with(top)))
        .filter(|part| !part.contains(['<', '*', ' ', '{', '…']))
        .map(str::to_owned)
        .collect()
}

/// Every room has the same doors.
fn doors_exist(root: &Path, findings: &mut Vec<String>) -> anyhow::Result<()> {
    let doors =
        ["README.md", "src/lib.rs", "src/domain", "src/app", "src/store", "src/http", "migrations", "locale", "web"];
    for room in folders(&root.join("modules"))? {
        for door in doors {
            if !root.join("modules").join(&room).join(door).exists() {
                findings.push(format!("modules/{room} lacks {door}"));
            }
        }
    }
    for name in folders(&root.join("crates"))? {
        if !root.join("crates").join(&name).join("README.md").exists() {
            findings.push(format!("crates/{name} lacks README.md: what it is, what it promises, what is absent"));
        }
    }
    Ok(())
}

/// No SQL names another crate's tables; no room depends on another.
fn rooms_keep_to_themselves(root: &Path, findings: &mut Vec<String>) -> anyhow::Result<()> {
    let rooms = folders(&root.join("modules"))?;
    for room in &rooms {
        let manifest = fs::read_to_string(root.join("modules").join(room).join("Cargo.toml"))?;
        for other in rooms.iter().filter(|other| *other != room) {
            if manifest.lines().any(|line| line.starts_with(&format!("{other}."))) {
                findings.push(format!("modules/{room} depends on modules/{other}: use an event, a port or a flow"));
            }
        }
    }
    let mut owners: Vec<(String, String)> =
        folders(&root.join("crates"))?.into_iter().map(|name| ("crates".to_owned(), name)).collect();
    owners.extend(rooms.into_iter().map(|name| ("modules".to_owned(), name)));
    for (folder, name) in &owners {
        for file in rust_files(&root.join(folder).join(name).join("src"))? {
            let text = fs::read_to_string(&file)?;
            for (_, other) in owners.iter().filter(|(_, other)| other != name) {
                let mut prefixes = vec![other.replace('-', "_")];
                if other == "appkit" {
                    prefixes.push("identity".to_owned());
                }
                for verb in ["FROM", "INTO", "UPDATE", "JOIN"] {
                    if prefixes.iter().any(|prefix| text.contains(&format!("{verb} {prefix}_"))) {
                        findings.push(format!("{}: SQL names a table of {other}", shown(root, &file)));
                    }
                }
            }
        }
    }
    Ok(())
}

fn words(root: &Path, findings: &mut Vec<String>) -> anyhow::Result<()> {
    for folder in ["crates", "modules"] {
        for file in rust_files(&root.join(folder))? {
            let text = fs::read_to_string(&file)?;
            for (word, instead) in BANNED {
                if text.contains(word) {
                    findings.push(format!("{}: {word}…: {instead}", shown(root, &file)));
                }
            }
        }
    }
    Ok(())
}

/// Every dependency of the workspace has its reason on its line.
fn reasons(root: &Path, findings: &mut Vec<String>) -> anyhow::Result<()> {
    let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
    let section = manifest.split("[workspace.dependencies]").nth(1).unwrap_or("");
    for line in section.lines().take_while(|line| !line.starts_with('[')) {
        let outside = line.contains('=') && !line.contains("path = ") && !line.starts_with('#');
        if outside && !line.contains(" # ") {
            findings.push(format!("Cargo.toml: no reason for `{line}`"));
        }
    }
    Ok(())
}

/// Every error code that a crate can show has a Chinese text in that crate.
fn error_texts(root: &Path, findings: &mut Vec<String>) -> anyhow::Result<()> {
    for folder in ["crates", "modules"] {
        for name in folders(&root.join(folder))? {
            let place = root.join(folder).join(&name);
            let mut texts = String::new();
            if let Ok(files) = fs::read_dir(place.join("locale")) {
                for file in files {
                    texts.push_str(&fs::read_to_string(file?.path())?);
                }
            }
            if texts.is_empty() {
                continue; // a crate without HTTP shows no errors of its own
            }
            for file in rust_files(&place.join("src"))? {
                if file.ends_with("tests.rs") {
                    continue;
                }
                let text = fs::read_to_string(&file)?;
                let text = text.split("#[cfg(test)]").next().unwrap_or("");
                for code in codes(text, &name) {
                    if !texts.contains(&format!("\"{code}\"")) {
                        findings.push(format!("{}: {code} has no text in {folder}/{name}/locale", shown(root, &file)));
                    }
                }
            }
        }
    }
    Ok(())
}

/// The codes given to the constructors of `kernel::Error` that a caller can meet.
fn codes(text: &str, name: &str) -> BTreeSet<String> {
    let makers =
        ["invalid", "unauthenticated", "denied", "not_found", "conflict", "too_large", "unprocessable", "throttled"];
    let mut found = BTreeSet::new();
    for maker in makers {
        for rest in text.split(&format!("Error::{maker}(")).skip(1) {
            let Some(quoted) = rest.trim_start().strip_prefix('"') else { continue };
            let code = quoted.split('"').next().unwrap_or("");
            if code.starts_with(&format!("{name}.")) {
                found.insert(code.to_owned());
            }
        }
    }
    found
}

fn folders(place: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(place).with_context(|| place.display().to_string())? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn rust_files(place: &Path) -> anyhow::Result<Vec<std::path::PathBuf>> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(place) else { return Ok(found) };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("target") && !path.ends_with("node_modules") {
            found.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(found)
}

fn shown(root: &Path, file: &Path) -> String {
    file.strip_prefix(root).unwrap_or(file).display().to_string()
}
