//! Questions about a file: much that goes one way.

use super::{NEEDS_WIRE, PLAIN, SERVES};
use crate::scenario::rows::{files, packets, weather};
use crate::scenario::wiring::{CLEAN, WirePlan};
use crate::scenario::{Column, Scenario, Script, Step, TCP, UDP, UDP_WINDOW, explain};
use crate::service::ServiceKind;
use crate::wire::Impairment;

/// 200 KB: long enough for the differences to be seen, short enough to wait for on loopback.
const LENGTH: usize = 200 * 1024;

/// A twentieth of all packets, each way.
const TWENTIETH: Impairment = Impairment { loss: 0.05, ..Impairment::CLEAN };

/// Over UDP, one block after the other.
const UDP_ONE: Column = Column { title: "UDP, window 1", ..UDP };

pub(super) const FILE_TRANSFER: Scenario = Scenario {
    name: "file-transfer",
    question: "Can I build a stream on datagrams?",
    columns: &[TCP, UDP_ONE, UDP_WINDOW],
    script: Script {
        service: ServiceKind::Chat,
        file: Some(LENGTH),
        alone: true,
        clients: &[&[Step::Open, Step::Fetch, Step::Leave]],
        ..SERVES
    },
    rows: &[
        files::ARRIVED,
        files::TOOK,
        files::GOODPUT,
        files::EXCHANGES,
        files::ROUND_TRIPS,
        files::THEORY,
        weather::RETRANSMITTED,
        packets::PACKETS,
        packets::BYTES,
    ],
    explain: explain::files::file_transfer,
    ..PLAIN
};

pub(super) const LOSSY: Scenario = Scenario {
    name: "file-transfer.loss",
    question: "And if a twentieth of all packets is lost?",
    refused: NEEDS_WIRE,
    wire: WirePlan { c2s: TWENTIETH, s2c: TWENTIETH, ..CLEAN },
    ..FILE_TRANSFER
};
