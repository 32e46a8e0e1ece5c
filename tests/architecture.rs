//! The walls of the house: who may use whom, and what must not be found in which room.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each top-level module with those that it may use: only what stands below it in
/// docs/architecture.md.
const ARROWS: &[(&str, &[&str])] = &[
    ("time", &[]),
    ("peer", &[]),
    ("escape", &[]),
    ("service", &["peer", "time"]),
    ("protocol", &["peer", "service", "time"]),
    ("packet", &[]),
    ("wire", &["packet", "protocol", "time"]),
    ("net", &["packet", "time", "wire"]),
    ("trace", &["escape", "packet", "protocol", "time", "wire"]),
    ("server", &["escape", "net", "peer", "protocol", "service", "time"]),
    ("client", &["net", "peer", "protocol", "service", "time"]),
    (
        "testbed",
        &["net", "packet", "peer", "protocol", "server", "service", "time", "trace", "wire"],
    ),
    (
        "scenario",
        &[
            "client", "escape", "net", "packet", "peer", "protocol", "server", "service",
            "testbed", "time", "trace", "wire",
        ],
    ),
    ("report", &["peer", "scenario", "testbed", "time", "trace", "wire"]),
    ("demo", &["net", "peer", "testbed"]),
    (
        "cli",
        &[
            "client", "demo", "escape", "net", "peer", "protocol", "report", "scenario", "server",
            "service", "testbed", "time", "trace", "wire",
        ],
    ),
];

/// Modules without sockets, clocks, randomness of their own, or threads.
const PURE: &[&str] =
    &["service", "protocol", "report", "peer", "escape", "packet", "wire", "trace"];

/// What a pure module must not name.
const IMPURE: &[&str] = &[
    "tokio",
    "std::thread",
    "TcpStream",
    "UdpSocket",
    "Instant",
    "SystemTime",
    "SysRng",
    "std::fs",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// Files of `src` with their top-level module and their text, tests cut off.
fn sources() -> Vec<(String, PathBuf, String)> {
    let src = root().join("src");
    rust_files(&src)
        .into_iter()
        .filter(|path| !path.starts_with(src.join("bin")) && !path.ends_with("lib.rs"))
        .map(|path| {
            let text = fs::read_to_string(&path).expect("text");
            let inside = path.strip_prefix(&src).expect("inside src");
            let first = inside.components().next().expect("a name").as_os_str().to_string_lossy();
            let module = first.trim_end_matches(".rs").to_owned();
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned();
            (module, path, code)
        })
        .collect()
}

/// The top-level modules that a piece of code names.
fn used(code: &str) -> BTreeSet<&str> {
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split("crate::").skip(1))
        .map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or(rest))
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn nothing_points_up() {
    for (module, path, code) in sources() {
        let (_, allowed) = ARROWS
            .iter()
            .find(|(name, _)| *name == module)
            .unwrap_or_else(|| panic!("{module} stands in no line of docs/architecture.md"));
        for name in used(&code) {
            assert!(
                name == module || allowed.contains(&name),
                "{} uses {name}: does it stand below, in docs/architecture.md?",
                path.display()
            );
        }
    }
}

#[test]
fn what_is_pure_touches_nothing_outside() {
    let pure: Vec<_> =
        sources().into_iter().filter(|(module, ..)| PURE.contains(&module.as_str())).collect();
    assert!(pure.len() > 15, "the pure modules have moved");
    for (_, path, code) in pure {
        let code: String =
            code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for word in IMPURE {
            assert!(!code.contains(word), "{} names {word}", path.display());
        }
    }
}

#[test]
fn a_choice_between_events_has_an_order() {
    for (_, path, code) in sources() {
        for (index, _) in code.match_indices("select! {") {
            let after = code[index + "select! {".len()..].trim_start();
            assert!(after.starts_with("biased;"), "a random select! in {}", path.display());
        }
    }
}

/// tokio's `watch` channel wakes those who wait in an order that it draws: no run would repeat.
#[test]
fn nobody_is_woken_by_lot() {
    for (_, path, code) in sources() {
        assert!(!code.contains("watch::"), "a watch channel in {}", path.display());
    }
}

#[test]
fn every_scenario_and_every_page_is_in_the_documentation() {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
    for scenario in socklab::scenario::library::SCENARIOS {
        let row = format!("| `{}` | {} |", scenario.name, scenario.question);
        assert!(readme.contains(&row), "README.md lacks: {row}");
    }
    let json = fs::read_to_string(root().join("docs/json.md")).expect("docs/json.md");
    let metrics = fs::read_to_string(root().join("src/scenario/metrics.rs")).expect("metrics");
    let fields = metrics.split("pub struct Metrics {").nth(1).expect("the struct");
    let fields = fields.split("\n}").next().expect("its end");
    let names =
        fields.lines().filter_map(|line| line.trim().strip_prefix("pub ")?.split(':').next());
    for name in names {
        assert!(json.contains(&format!("`{name}`")), "docs/json.md lacks {name}");
    }
}

#[test]
fn the_header_in_the_documentation_is_the_one_in_the_code() {
    let page = fs::read_to_string(root().join("docs/protocol.md")).expect("docs/protocol.md");
    let code =
        fs::read_to_string(root().join("src/protocol/datagram/header.rs")).expect("header.rs");
    let drawing: Vec<&str> = code
        .lines()
        .skip_while(|line| *line != "//! ```text")
        .skip(1)
        .take_while(|line| *line != "//! ```")
        .map(|line| line.trim_start_matches("//!").strip_prefix(' ').unwrap_or_default())
        .collect();
    assert!(drawing.len() > 10);
    assert!(page.contains(&drawing.join("\n")), "the two drawings differ");
}
