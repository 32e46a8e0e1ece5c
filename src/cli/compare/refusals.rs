//! Which network is meant, and what it cannot show honestly.

use color_eyre::eyre;

use super::NOT_AVAILABLE;
use super::arguments::{CompareArguments, Format, NetworkChoice};
use crate::cli::Failure;
use crate::scenario::Network;

/// Returns the chosen network; refuses what it cannot do, with the reason.
pub(super) fn network(arguments: &CompareArguments) -> eyre::Result<Network> {
    match arguments.net[..] {
        [NetworkChoice::Sim] => one_run_in_pictures(arguments).map(|()| Network::Sim),
        [NetworkChoice::Kernel] => one_run_in_pictures(arguments).map(|()| Network::Kernel),
        [NetworkChoice::Loopback] => honest_on_loopback(arguments).map(|()| Network::Loopback),
        _ => Err(Failure::usage(
            "Only sim and kernel can be put side by side",
            "Try: --net sim,kernel",
        )
        .into()),
    }
}

pub(super) fn refuse<T>(what: &str, advice: &str) -> eyre::Result<T> {
    let (what, advice) = (what.to_owned(), advice.to_owned());
    Err(Failure { what, advice, code: NOT_AVAILABLE }.into())
}

fn honest_on_loopback(arguments: &CompareArguments) -> eyre::Result<()> {
    if let Some(option) = arguments.wire.given() {
        return refuse(
            &format!("{option} needs a wire, and loopback has none"),
            "On loopback the kernel hands packets over itself: no program can lose them.\n\
             Leave out --net loopback, or see: compare --list",
        );
    }
    let pictures = [
        ("--ladder", arguments.ladder),
        ("--svg", arguments.svg.is_some()),
        ("--pcap", arguments.pcap.is_some()),
        ("--runs", arguments.runs.is_some()),
    ];
    match pictures.iter().find(|(_, given)| *given) {
        Some((option, _)) => refuse(
            &format!("{option} needs the simulated network: on loopback packets are not seen"),
            "Leave out --net loopback",
        ),
        None => Ok(()),
    }
}

/// Refuses a ladder within a JSON document, which has no place for it.
pub(super) fn ladders_are_for_people(arguments: &CompareArguments) -> eyre::Result<()> {
    match arguments.ladder && arguments.format == Format::Json {
        true => Err(Failure::usage(
            "--ladder draws for people, and JSON has no place for it",
            "Leave out --format json; programs read captures: --pcap DIR",
        )
        .into()),
        false => Ok(()),
    }
}

/// Refuses pictures of many runs: each would show one of them.
pub(super) fn one_run_in_pictures(arguments: &CompareArguments) -> eyre::Result<()> {
    let pictures = arguments.ladder
        || arguments.svg.is_some()
        || arguments.pcap.is_some()
        || arguments.html.is_some();
    match arguments.runs {
        Some(_) if pictures => Err(Failure::usage(
            "--ladder, --svg, --pcap and --html show one run".to_owned(),
            "Leave out --runs, and choose a run by its --seed",
        )
        .into()),
        _ => Ok(()),
    }
}
