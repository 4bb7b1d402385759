//! A new room with the same doors as the others, from the files of `xtask/room`: one noun, one table, one endpoint, one empty
//! page, one test.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail, ensure};

/// Where a room is entered: file, the marker that it is put before, and the line. All of them or none.
fn entries(name: &str, snake: &str, zh: &str, en: &str) -> [(&'static str, &'static str, String); 4] {
    [
        ("Cargo.toml", "# new rooms above", format!("{name} = {{ path = \"modules/{name}\" }} # {en}\n")),
        ("crates/server/Cargo.toml", "# new rooms above", format!("{name}.workspace = true\n")),
        ("crates/server/src/rooms.rs", "        // new rooms above", format!("        {snake}::module(),\n")),
        ("ARCHITECTURE.md", "<!-- new rooms above -->", format!("- `modules/{name}`: {zh}, {en}.\n")),
    ]
}

pub fn run(root: &Path, name: &str, zh: &str, en: &str) -> anyhow::Result<()> {
    make(root, name, zh, en)?;
    // Formatting depends on the length of the name, and the routes belong into the reference.
    for arguments in [vec!["fmt", "-p", name], vec!["xtask", "openapi"]] {
        let status = Command::new("cargo").args(&arguments).current_dir(root).status()?;
        ensure!(status.success(), "cargo {} failed", arguments.join(" "));
    }
    println!("modules/{name} is there: `cargo test -p {name}`, then docs/guides/add-a-room.md.");
    println!(
        "To undo: remove the folder and its lines in Cargo.toml, crates/server and ARCHITECTURE.md; cargo xtask openapi."
    );
    Ok(())
}

fn make(root: &Path, name: &str, zh: &str, en: &str) -> anyhow::Result<()> {
    let fine = |c: char| c.is_ascii_lowercase() || c == '-';
    ensure!(!name.is_empty() && name.chars().all(fine), "a room's name is lower-case letters and hyphens");
    let room = root.join("modules").join(name);
    if room.exists() {
        bail!("modules/{name} exists already");
    }
    let snake = name.replace('-', "_");
    let mut edited = Vec::new();
    for (file, marker, line) in entries(name, &snake, zh, en) {
        let text = fs::read_to_string(root.join(file))?;
        let at = text.find(marker).with_context(|| format!("{file} has no line {marker:?}"))?;
        edited.push((file, format!("{}{line}{}", &text[..at], &text[at..])));
    }
    let filled = |text: &str| {
        text.replace("ROOM_NAME", name).replace("ROOM_SNAKE", &snake).replace("ROOM_ZH", zh).replace("ROOM_EN", en)
    };
    let pattern = root.join("xtask/room");
    for file in files(&pattern)? {
        let place = filled(&file.strip_prefix(&pattern)?.to_string_lossy());
        write(&room.join(place), &filled(&fs::read_to_string(&file)?))?;
    }
    for (file, text) in edited {
        write(&root.join(file), &text)?;
    }
    Ok(())
}

fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::create_dir_all(path.parent().context("a parent folder")?)?;
    let mut out = fs::File::create(path)?;
    Ok(std::io::Write::write_all(&mut out, text.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(from: &Path, to: &Path) {
        for file in files(from).unwrap() {
            write(&to.join(file.strip_prefix(from).unwrap()), &fs::read_to_string(&file).unwrap()).unwrap();
        }
    }

    #[test]
    fn one_room_after_the_other_and_nothing_half_made() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let tree = std::env::temp_dir().join(format!("baigong-new-room-{}", std::process::id()));
        copy(&root.join("xtask/room"), &tree.join("xtask/room"));
        for (file, ..) in entries("x", "x", "x", "x") {
            write(&tree.join(file), &fs::read_to_string(root.join(file)).unwrap()).unwrap();
        }
        for name in ["first-room", "second"] {
            make(&tree, name, "房间", "room").unwrap();
            for (file, _, line) in entries(name, &name.replace('-', "_"), "房间", "room") {
                assert!(fs::read_to_string(tree.join(file)).unwrap().contains(&line), "{file} lacks {line}");
            }
        }
        for file in files(&tree.join("modules")).unwrap() {
            let text = fs::read_to_string(&file).unwrap();
            assert!(!text.contains("ROOM_") && !file.to_string_lossy().contains("ROOM_"), "{}", file.display());
        }
        write(&tree.join("ARCHITECTURE.md"), "without its marker").unwrap();
        let before = fs::read_to_string(tree.join("Cargo.toml")).unwrap();
        assert!(make(&tree, "third", "房间", "room").is_err());
        assert_eq!(fs::read_to_string(tree.join("Cargo.toml")).unwrap(), before);
        assert!(!tree.join("modules/third").exists());
        fs::remove_dir_all(&tree).unwrap();
    }
}
