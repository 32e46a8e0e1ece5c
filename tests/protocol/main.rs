//! What the protocol promises, shown on virtual time: no socket, no clock, no sleep.
//!
//! Some tests are properties, tried on inputs that proptest draws: the two `schedules`, the two
//! `hostile` files and `stream_cuts` hold little else. The others are examples whose times and
//! bytes can be checked by hand, with one side of the conversation held in it (`*_by_hand`).

mod by_hand;
mod challenges;
mod client_by_hand;
mod client_endings;
mod client_hostile;
mod client_timers;
mod datagram_contents;
mod long_replies;
mod network;
mod server_by_hand;
mod server_copies;
mod server_hostile;
mod server_leaving;
mod server_memory;
mod server_sessions;
mod session_schedules;
mod stream_by_hand;
mod stream_client;
mod stream_contents;
mod stream_cuts;
mod stream_server;
mod whole_schedules;

use proptest::test_runner::Config;

/// So many cases, and no file of failed seeds: the smallest failing input is printed, and becomes
/// an ordinary test.
fn cases(cases: u32) -> Config {
    Config { cases, failure_persistence: None, ..Config::default() }
}
