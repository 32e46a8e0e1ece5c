//! How Linux's TCP is set up on our hosts, and what it then says of itself.

use std::time::Duration;

use super::host::{Hands, Setting};
use crate::testbed::{Patience, Stack, TcpProfile, loopback};

/// RFC 6298 section 2.4.
const RTO_FLOOR: Duration = Duration::from_secs(1);

/// Linux adds this to the smoothed round trip, where RFC 6298 takes the greater of the two. So that
/// the floor is a second, the knob is set to a second less the round trip of the wire.
const RTO_KNOB: &str = "tcp_rto_min_us";

/// What the knob takes at least: one tick of the coarsest clock that Linux is built with.
const LEAST_KNOB: Duration = Duration::from_millis(10);

/// What is not in RFC 6298 and RFC 5681 is switched off, each with what is then said of it.
const TEXTBOOK: &[(&str, &str, &str)] = &[
    ("tcp_congestion_control", "reno", ""),
    ("tcp_sack", "0", "SACK"),
    ("tcp_dsack", "0", ""),
    ("tcp_recovery", "0", "RACK"),
    ("tcp_early_retrans", "0", "TLP"),
    ("tcp_timestamps", "0", "timestamps"),
    ("tcp_frto", "0", ""),
    // The first repetitions of a SYN double, too.
    ("tcp_syn_linear_timeouts", "0", ""),
    // A new connection knows nothing of earlier ones.
    ("tcp_no_metrics_save", "1", ""),
];

/// Returns the settings that make a profile.
fn made_by(profile: TcpProfile, round_trip: Duration) -> Vec<Setting> {
    match profile {
        TcpProfile::Linux => Vec::new(),
        TcpProfile::Textbook => {
            let fixed = TEXTBOOK.iter().map(|(name, value, _)| (*name, (*value).to_owned()));
            let floor = RTO_FLOOR.saturating_sub(round_trip).max(LEAST_KNOB);
            fixed.chain([(RTO_KNOB, floor.as_micros().to_string())]).collect()
        }
    }
}

/// Returns what is to be set on each host.
pub(super) fn settings(
    profile: TcpProfile,
    round_trip: Duration,
    patience: Patience,
) -> Vec<Setting> {
    let limit = |name, value: Option<u8>| value.map(|value| (name, value.to_string()));
    let limits = [limit(SYN_RETRIES, patience.syn_retries), limit(RETRIES, patience.data_retries)];
    made_by(profile, round_trip).into_iter().chain(limits.into_iter().flatten()).collect()
}

const SYN_RETRIES: &str = "tcp_syn_retries";
const RETRIES: &str = "tcp_retries2";

/// Reads back from a host how its TCP is set up: what is reported is never assumed.
pub(super) fn stack(
    hands: &Hands,
    profile: TcpProfile,
    round_trip: Duration,
    patience: Patience,
) -> Stack {
    let knob =
        hands.setting(RTO_KNOB).and_then(|text| text.parse().ok()).map(Duration::from_micros);
    let off = TEXTBOOK.iter().filter(|(name, value, said)| {
        !said.is_empty() && hands.setting(name).is_some_and(|found| found == *value)
    });
    let off: Vec<&str> = off.map(|(_, _, said)| *said).collect();
    let mut set_up = match profile {
        TcpProfile::Textbook if !off.is_empty() => {
            vec![format!("{}: no {}", profile.name(), off.join(", "))]
        }
        TcpProfile::Textbook | TcpProfile::Linux => Vec::new(),
    };
    let wanted = made_by(profile, round_trip);
    let refused = wanted.iter().filter(|(name, value)| hands.setting(name).as_ref() != Some(value));
    set_up.extend(refused.map(|(name, _)| match hands.setting(name) {
        Some(found) => format!("{name} stays {found}"),
        None => format!("this kernel has no {name}"),
    }));
    let limit = |name: &str, chosen: Option<u8>| {
        chosen.and_then(|_| Some(format!("{name} shortened to {}", hands.setting(name)?)))
    };
    set_up.extend(limit(SYN_RETRIES, patience.syn_retries));
    set_up.extend(limit(RETRIES, patience.data_retries));
    Stack {
        congestion_control: hands.setting("tcp_congestion_control"),
        rto_floor: match profile {
            TcpProfile::Textbook => knob.map(|knob| knob + round_trip),
            TcpProfile::Linux => knob,
        },
        set_up,
        ..loopback::stack()
    }
}
