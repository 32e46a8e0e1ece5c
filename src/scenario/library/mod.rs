//! The catalogue: every scenario with its question. Adding one touches this folder, its page in docs
//! and a test.

mod answers;
mod endings;
mod files;
mod models;
mod sessions;
mod shapes;
mod spoofed;
mod weather;

use std::time::Duration;

use super::wiring::{CLEAN, WirePlan};
use super::{Network, Plot, Scenario, Script, Step, TCP, UDP};
use crate::protocol::parameters::{IDLE_TIMEOUT, MAX_MESSAGE};
use crate::server::Second;
use crate::service::ServiceKind;
use crate::testbed::{Listener, Patience};
use crate::wire::{Fault, Rule, What};

/// The deadline of an exchange, where the scenario is not about deadlines.
const DEADLINE: Duration = Duration::from_secs(30);

/// How long the server holds a reply back where something shall happen meanwhile.
const WORK: Duration = Duration::from_millis(400);

const BOTH: &[super::Column] = &[TCP, UDP];

/// Why loopback cannot show what a wire does.
const NEEDS_WIRE: &[(Network, &str)] =
    &[(Network::Loopback, "on loopback no packet of TCP can be lost")];

/// Exact faults of a scenario in which the first message is overtaken by what follows it.
const FIRST_HELD: WirePlan = WirePlan {
    rules: &[Rule { fault: Fault::Hold(Duration::from_millis(30)), what: What::Request(1) }],
    ..CLEAN
};

/// Why loopback cannot show what a host does that loses power.
const NEEDS_HOSTS: &[(Network, &str)] =
    &[(Network::Loopback, "on loopback both ends are one computer")];

/// Why loopback cannot show what becomes of large datagrams.
const NEEDS_MTU: &[(Network, &str)] =
    &[(Network::Loopback, "loopback carries 65,536 bytes in one packet")];

/// Why loopback cannot show a full buffer.
const NEEDS_BUFFERS: &[(Network, &str)] =
    &[(Network::Loopback, "there the system sizes the buffers")];

/// TCP tries as long as it does.
const AS_IT_IS: Patience = Patience { syn_retries: None, data_retries: None };

/// One client that asks once, on a clean wire.
const PLAIN: Scenario = Scenario {
    name: "",
    question: "",
    refused: &[],
    columns: BOTH,
    timeout: Some(DEADLINE),
    about_no_deadline: false,
    exchanges: 1,
    follows_faults: false,
    wire: CLEAN,
    patience: AS_IT_IS,
    script: SERVES,
    rows: &[],
    plot: Plot::None,
    explain: |_| String::new(),
};

/// A server that answers at once, says goodbye, and outlives the script; a client that asks.
const SERVES: Script = Script {
    service: ServiceKind::Sum,
    second: Second::Refuse,
    max_clients: None,
    idle_timeout: IDLE_TIMEOUT,
    validate: true,
    reuse_address: true,
    file: None,
    copies: 1,
    alone: false,
    server: Listener::Server,
    work: Duration::ZERO,
    block: Duration::ZERO,
    goodbye: true,
    framing: None,
    window: 1,
    max_message: MAX_MESSAGE,
    clients: &[&[Step::Ask(25)]],
    acts: &[],
    server_ends: false,
};

/// What `compare` runs when no scenario is named: sums, timeouts, shutdown.
pub fn mission(network: Network) -> &'static [&'static str] {
    match network {
        Network::Sim | Network::Kernel => &[
            "happy-path",
            "black-hole",
            "black-hole.no-deadline",
            "out-of-range-shutdown",
            "out-of-range-shutdown.no-goodbye",
        ],
        Network::Remote(_) => &["happy-path", "setup-cost"],
        Network::Loopback => &[
            "happy-path",
            "silent-server",
            "out-of-range-shutdown",
            "out-of-range-shutdown.no-goodbye",
        ],
    }
}

/// Every scenario, in the order of the lesson.
pub const SCENARIOS: &[Scenario] = &[
    answers::HAPPY_PATH,
    answers::SETUP_COST,
    answers::SERVER_NOT_RUNNING,
    answers::SILENT_SERVER,
    weather::BLACK_HOLE,
    weather::NO_DEADLINE,
    weather::ESTABLISHED,
    weather::IDLE,
    weather::LOSS,
    weather::LOST_REPLY,
    weather::DUPLICATE,
    weather::REORDER,
    weather::HEAD_OF_LINE,
    shapes::MESSAGE_BOUNDARIES,
    shapes::RAW,
    shapes::OVERSIZED,
    shapes::FRAGMENT_LOST,
    shapes::SLOW_READER,
    endings::CLOSE_VS_SHUTDOWN,
    endings::CLOSE_RESET,
    endings::OUT_OF_RANGE,
    endings::NO_GOODBYE,
    endings::SERVER_KILLED,
    endings::KILLED_RST,
    endings::KILLED_RESTART,
    endings::POWER_OFF,
    endings::REBOOT,
    endings::CTRL_C_DRAIN,
    endings::CTRL_C_TWICE,
    sessions::CLIENT_LIMIT,
    sessions::BYE_LOST,
    models::SECOND_CLIENT,
    models::SECOND_QUEUE,
    models::SLOW_CLIENT,
    models::SLOW_BUSY,
    models::BLOCKING,
    models::MANY_CLIENTS,
    models::PORT_IN_USE,
    models::PORT_RESTART,
    models::NO_REUSEADDR,
    sessions::IDLE_EXPIRY,
    sessions::IDLE_BYE_LOST,
    sessions::ADDRESS_CHANGE,
    spoofed::SPOOFED,
    spoofed::NO_VALIDATE,
    files::FILE_TRANSFER,
    files::LOSSY,
];

/// Finds a scenario by its id.
pub fn find(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_is_one_scenarios_and_every_variant_has_its_family() {
        let names: BTreeSet<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        assert_eq!(names.len(), SCENARIOS.len());
        assert!(SCENARIOS.iter().all(|scenario| find(scenario.family()).is_some()));
        let remote = Network::Remote(([192, 0, 2, 1], 12000).into());
        for network in [Network::Sim, Network::Loopback, Network::Kernel, remote] {
            let found = mission(network).iter().map(|name| find(name).expect("a scenario"));
            assert!(found.into_iter().all(|scenario| scenario.refused_on(network).is_none()));
        }
    }
}
