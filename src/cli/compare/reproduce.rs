//! The command that runs a scenario again.

use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, CommandFactory};

use super::arguments::CompareArguments;

/// Options that change what is shown, not what happens.
const ONLY_SHOW: &[&str] =
    &["full", "ladder", "format", "html", "svg", "pcap", "ascii", "predict", "expect", "color"];

/// Returns the command that runs a scenario again with the same choices: what was typed, less what
/// only shows it.
pub(super) fn reproduce(matches: &ArgMatches, scenario: &str) -> String {
    let mut command = format!("compare {scenario}");
    let remote = matches.value_source("server") == Some(ValueSource::CommandLine);
    // Nothing is drawn for a server that is not ours.
    let always: &[&str] = if remote { &[] } else { &["net", "seed"] };
    for option in CompareArguments::command().get_arguments() {
        let id = option.get_id().as_str();
        let typed = matches.value_source(id) == Some(ValueSource::CommandLine);
        let Some(name) = option.get_long().filter(|_| typed || always.contains(&id)) else {
            continue;
        };
        if ONLY_SHOW.contains(&id) {
            continue;
        }
        if matches!(option.get_action(), ArgAction::SetTrue) {
            command.push_str(&format!(" --{name}"));
        } else {
            let values = matches.get_raw(id).into_iter().flatten();
            let mut values: Vec<String> = values.map(|it| it.to_string_lossy().into()).collect();
            // What was typed with commas between is written so again.
            if let Some(delimiter) = option.get_value_delimiter() {
                values = vec![values.join(&delimiter.to_string())];
            }
            for value in values {
                command.push_str(&format!(" --{name} {}", quoted(&value)));
            }
        }
    }
    command
}

/// Puts into quotes what a shell would take apart.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "%:=.,_-".contains(c);
    match value.chars().all(plain) && !value.is_empty() {
        true => value.to_owned(),
        false => format!("'{}'", value.replace('\'', "'\\''")),
    }
}
