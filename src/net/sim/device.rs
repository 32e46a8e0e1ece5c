//! Where a host's stack meets the wire: packets that came, packets to go.

use std::collections::VecDeque;
use std::sync::Arc;

use smoltcp::phy::{self, Checksum, ChecksumCapabilities, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

/// Longest packet of a host: what Ethernet carries (RFC 894).
const MTU: usize = 1500;

/// The network card of a host. It carries IP packets, so there are no frames and no ARP.
#[derive(Debug, Default)]
pub(super) struct Device {
    pub(super) inbox: VecDeque<Arc<[u8]>>,
    pub(super) outbox: VecDeque<Arc<[u8]>>,
}

pub(super) struct Incoming(Arc<[u8]>);

pub(super) struct Outgoing<'a>(&'a mut VecDeque<Arc<[u8]>>);

impl phy::Device for Device {
    type RxToken<'a> = Incoming;
    type TxToken<'a> = Outgoing<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(Incoming, Outgoing<'_>)> {
        let packet = self.inbox.pop_front()?;
        Some((Incoming(packet), Outgoing(&mut self.outbox)))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Outgoing<'_>> {
        Some(Outgoing(&mut self.outbox))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = MTU;
        capabilities.checksum = checksums();
        capabilities
    }
}

/// All checksums are written; none is checked, for no wire of ours changes a bit.
fn checksums() -> ChecksumCapabilities {
    let mut checksums = ChecksumCapabilities::default();
    checksums.ipv4 = Checksum::Tx;
    checksums.tcp = Checksum::Tx;
    checksums.udp = Checksum::Tx;
    checksums.icmpv4 = Checksum::Tx;
    checksums
}

impl phy::RxToken for Incoming {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

impl phy::TxToken for Outgoing<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, write: F) -> R {
        let mut packet: Arc<[u8]> = std::iter::repeat_n(0, length).collect();
        // Nobody else holds it yet.
        let result = write(Arc::make_mut(&mut packet));
        self.0.push_back(packet);
        result
    }
}
