//! The simulation is held to the kernel: every scenario that both networks can show, on both, with
//! many seeds.
//!
//! What is asserted, with Linux's TCP set up as RFC 6298 has it:
//! - Over UDP outcomes, executions and attempts are equal, and the same packets are lost.
//! - Over TCP outcomes, sums and executions are equal.
//! - Over TCP the medians over 20 seeds of transmissions for each request, and of the time until all
//!   is over, are within 5 % or 20 ms; where no dice are thrown the least of three runs.
//! - Where no dice are thrown, 20 seeds of what is soon over have the same counts, and medians within
//!   5 % or 20 ms.
//! - Single times are within 30 % or 15 ms: where dice are thrown in most of the runs, elsewhere in
//!   one at least.
//!
//! A busy machine lets packets and programs wait. How long they did is in the record of each run, and
//! so much later its times may be; never earlier.
//!
//! What cannot hold has a name in `exceptions`, and an exception that is not needed fails, too.

mod exceptions;
mod finding;
mod many;
mod running;
#[path = "../support/compare.rs"]
mod support;

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use boon::{Compiler, Schemas};

use exceptions::EXCEPTIONS;
use finding::{Finding, findings};
use running::{document, is_available, on_both_networks};

/// Real time is measured: one test after the other.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn the_simulation_tells_what_the_kernel_does() {
    if !is_available() {
        return;
    }
    let _turn = turn();
    let scenarios = on_both_networks();
    assert!(scenarios.iter().all(|one| !one.documents.is_empty()));
    let found: Vec<Finding> = scenarios.iter().flat_map(findings).collect();
    let mut needed = BTreeSet::new();
    let unexpected: Vec<String> = found
        .iter()
        .filter(|finding| {
            let all = EXCEPTIONS.iter().enumerate();
            let named: Vec<usize> =
                all.filter(|(_, it)| finding.is_covered_by(it)).map(|(index, _)| index).collect();
            needed.extend(named.iter().copied());
            named.is_empty()
        })
        .map(ToString::to_string)
        .collect();
    assert!(unexpected.is_empty(), "the networks differ:\n{}", unexpected.join("\n"));
    let all = EXCEPTIONS.iter().enumerate();
    let idle = all.filter(|(index, it)| it.always && !needed.contains(index)).map(|(_, it)| it);
    let idle: Vec<_> = idle.collect();
    assert!(idle.is_empty(), "no longer needed: {idle:#?}");
}

#[test]
fn twenty_seeds_tell_the_same_where_no_dice_are_thrown() {
    if !is_available() {
        return;
    }
    let _turn = turn();
    let found: Vec<Finding> = many::short_ones().flat_map(many::findings).collect();
    let is_named = |one: &Finding| EXCEPTIONS.iter().any(|exception| one.is_covered_by(exception));
    let unexpected: Vec<String> =
        found.iter().filter(|one| !is_named(one)).map(ToString::to_string).collect();
    assert!(unexpected.is_empty(), "the networks differ:\n{}", unexpected.join("\n"));
}

#[test]
fn a_document_of_both_networks_keeps_the_schema() {
    if !is_available() {
        return;
    }
    let schema = socklab::report::json::schema();
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource("compare.schema.json", schema).expect("a schema");
    let index = compiler.compile("compare.schema.json", &mut schemas).expect("a valid schema");
    for options in [&["lost-reply"][..], &["lost-reply", "--runs", "2"]] {
        let document = document(options);
        if let Err(error) = schemas.validate(&document, index) {
            panic!("{options:?}: {error:#}");
        }
        assert!(document["sim"]["network"] == "sim" && document["kernel"]["network"] == "kernel");
    }
}
