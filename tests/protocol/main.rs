//! What the protocol promises, shown on virtual time: no socket, no clock, no sleep.
//!
//! The files with `schedule`, `hostile` or `cut` in their names hold properties, tried on inputs
//! that proptest draws; the others are examples whose times and bytes can be checked by hand.

mod by_hand;
mod challenges;
mod client_by_hand;
mod client_endings;
mod client_hostile;
mod client_timers;
mod network;
mod server_by_hand;
mod server_copies;
mod server_hostile;
mod server_leaving;
mod server_memory;
mod stream_by_hand;
mod stream_client;
mod stream_cuts;
mod stream_server;
mod whole_schedules;

use proptest::test_runner::Config;

/// So many cases, and no file of failed seeds: the smallest failing input is printed, and becomes
/// an ordinary test.
fn cases(cases: u32) -> Config {
    Config { cases, failure_persistence: None, ..Config::default() }
}
