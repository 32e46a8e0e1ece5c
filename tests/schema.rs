//! The schema of `compare --format json`: published in docs, made from the types, and kept by every
//! document that is printed.

use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs};

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value, json};

const PUBLISHED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/compare.schema.json");

fn document(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_compare"))
        .args(arguments)
        .args(["--format", "json"])
        .stdin(Stdio::null())
        .output()
        .expect("compare starts");
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

fn published() -> (Schemas, SchemaIndex) {
    let text = fs::read_to_string(PUBLISHED).expect("the schema");
    let schema = serde_json::from_str(&text).expect("JSON");
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource("compare.schema.json", schema).expect("a schema");
    let index = compiler.compile("compare.schema.json", &mut schemas).expect("a valid schema");
    (schemas, index)
}

/// `RENEW=1 cargo test --test schema` writes the published schema anew.
#[test]
fn the_published_schema_is_that_of_the_types() {
    let text = serde_json::to_string_pretty(&socklab::report::json::schema()).expect("JSON") + "\n";
    if env::var_os("RENEW").is_some() {
        fs::write(Path::new(PUBLISHED), &text).expect("it can be written");
    }
    assert_eq!(fs::read_to_string(PUBLISHED).expect("the schema"), text);
}

#[test]
fn every_document_keeps_the_schema() {
    let (schemas, index) = published();
    for arguments in [
        &["all"][..],
        &["happy-path"],
        &["loss", "--exchanges", "3", "--runs", "5"],
        &["loss", "lost-reply", "--exchanges", "3", "--runs", "2"],
        &["loss", "--rate", "1mbit", "--drop", "c2s:3", "--exchanges", "3"],
        &["happy-path", "--net", "loopback"],
    ] {
        let document = document(arguments);
        if let Err(error) = schemas.validate(&document, index) {
            panic!("{arguments:?}: {error:#}");
        }
    }
}

#[test]
fn a_document_that_breaks_the_schema_is_found() {
    let (schemas, index) = published();
    let good = document(&["happy-path"]);
    let mut broken = good.clone();
    broken["seed"] = json!("one");
    assert!(schemas.validate(&broken, index).is_err(), "a seed of text");
    let mut broken = good.clone();
    broken["tcp"].as_object_mut().expect("a column").remove("attempts");
    assert!(schemas.validate(&broken, index).is_err(), "a missing number");
    let mut broken = good;
    broken["tcp"]["p50_ms"] = json!("fast");
    assert!(schemas.validate(&broken, index).is_err(), "a time of text");
}
