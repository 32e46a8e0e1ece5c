//! What a server's process is told on its command line.

use std::time::Duration;

use crate::peer::Transport;
use crate::protocol::framing::Framing;
use crate::server::{Model, Second};
use crate::service::ServiceKind;
use crate::testbed::ServerOptions;

/// Returns the arguments of a server that is set up like this; `remote` clients are on other hosts,
/// all of them ours.
pub(super) fn arguments(
    options: &ServerOptions,
    transport: Transport,
    remote: bool,
) -> Vec<String> {
    let framing = match options.framing {
        Framing::Auto => "auto",
        Framing::Line => "line",
        Framing::Raw => "raw",
    };
    let duration = |duration: Duration| humantime::format_duration(duration).to_string();
    let switch = |on: bool| if on { "on" } else { "off" }.to_owned();
    let number = options.number.map_or("random".to_owned(), |number| number.to_string());
    let mut arguments: Vec<String> = Vec::new();
    if !options.validate {
        arguments.push("--no-validate".to_owned());
    }
    if !options.reuse_address {
        arguments.push("--no-reuseaddr".to_owned());
    }
    if options.model == Model::Serial && options.second == Second::Queue {
        arguments.extend(["--second".to_owned(), "queue".to_owned()]);
    }
    if let Some(clients) = options.max_clients {
        arguments.extend(["--max-clients".to_owned(), clients.to_string()]);
    }
    // Every block of a file counts as an execution, and is told only to who wants to hear all; so is
    // what was dropped without an answer, which a ladder shows.
    if options.file.is_some() || remote {
        arguments.push("--verbose".to_owned());
    }
    if options.service == ServiceKind::Sum {
        arguments.extend(["--seed".to_owned(), options.seed.to_string()]);
        arguments.extend(["--number".to_owned(), number]);
        if remote {
            arguments.push("--allow-remote-shutdown".to_owned());
        }
    }
    let pairs = [
        ("--service", options.service.name().to_owned()),
        ("--model", options.model.name().to_owned()),
        ("--idle-timeout", duration(options.idle_timeout)),
        (TRANSPORT, transport.name().to_owned()),
        ("--log-format", "json".to_owned()),
        ("--work", duration(options.work)),
        ("--block", duration(options.block)),
        ("--drain", duration(options.drain)),
        ("--duplicate-cache", switch(options.duplicate_cache)),
        ("--goodbye", switch(options.goodbye)),
        ("--framing", framing.to_owned()),
        ("--max-message", options.max_message.to_string()),
    ];
    arguments.extend(pairs.into_iter().flat_map(|(name, value)| [name.to_owned(), value]));
    arguments
}

/// Returns the same arguments for a server on another transport.
pub(super) fn over(arguments: &[String], transport: Transport) -> Vec<String> {
    let mut arguments = arguments.to_vec();
    let place = arguments.iter().position(|argument| argument == TRANSPORT);
    if let Some(value) = place.and_then(|place| arguments.get_mut(place + 1)) {
        *value = transport.name().to_owned();
    }
    arguments
}

/// The option that says on what to listen.
const TRANSPORT: &str = "--transport";
