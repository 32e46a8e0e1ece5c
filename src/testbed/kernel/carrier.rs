//! The cable between two hosts: a thread that reads the packets of each, takes them through the
//! [`Wire`](crate::wire::Wire), and writes them to the other when they are due, in real time.
//!
//! What the wire is told is the time at which a packet was read; what is recorded of an arrival is
//! when it was written, not when it was due.

use std::fs::File;
use std::io;
use std::num::NonZeroU64;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

use super::load::Load;
use crate::net::record::NetEvent;
use crate::time::{Clock, Timestamp};
use crate::wire::{Direction, WireConfig};

/// The longest packet of IPv4.
const LONGEST: usize = 65_536; // bytes

/// A carrier at work. When it is dropped, it ends.
#[derive(Debug)]
pub(super) struct Carrier {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    load: Mutex<Load>,
    /// Wakes the thread when something has changed.
    bell: OwnedFd,
    clock: Clock,
}

impl Carrier {
    /// Begins to carry between client and server.
    ///
    /// # Errors
    /// If the system has no thread for it.
    pub(super) fn new(
        wire: &WireConfig,
        client: Arc<File>,
        server: Arc<File>,
        clock: Clock,
    ) -> io::Result<Self> {
        let load = Load::new(wire, [client, server]);
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let shared = Arc::new(Shared { load: Mutex::new(load), bell, clock });
        let own = shared.clone();
        let thread = thread::Builder::new().name("wire".to_owned()).spawn(move || own.carry())?;
        Ok(Carrier { shared, thread: Some(thread) })
    }

    /// Cuts the wire, or joins it again.
    pub(super) fn set_cut(&self, cut: bool) {
        self.change(|load, _| load.wire.set_cut(cut));
    }

    /// Takes the power from a host, by the direction in which it sends, or gives it another life.
    pub(super) fn plug(&self, direction: Direction, end: Option<Arc<File>>) {
        self.change(|load, _| load.ends[direction as usize] = end);
    }

    /// Gives what the first client has open new ports.
    pub(super) fn change_address(&self) {
        self.change(|load, _| load.change_address());
    }

    /// Returns the last packet that the first client sent.
    pub(super) fn last_of_first_client(&self) -> Option<Arc<[u8]>> {
        self.shared.load().last_of_first_client.clone()
    }

    /// Puts a packet onto the wire that no host has sent.
    pub(super) fn forge(&self, direction: Direction, bytes: &[u8]) {
        self.change(|load, now| load.forge(direction, bytes, now));
    }

    /// Returns whether nothing is under way, and has not been for so long.
    pub(super) fn is_quiet(&self, for_long: Duration) -> bool {
        let now = self.shared.clock.now();
        let load = self.shared.load();
        load.is_empty() && now.since(load.moved) >= for_long
    }

    /// Takes the record so far.
    pub(super) fn take_record(&self) -> Vec<NetEvent> {
        self.shared.load().record.take()
    }

    /// Returns, in words, what has gone wrong so that the record does not tell all.
    ///
    /// # Panics
    /// If the thread has panicked: what was not carried would look like what was lost.
    pub(super) fn troubles(&self) -> Vec<String> {
        let ended = self.thread.as_ref().is_none_or(JoinHandle::is_finished);
        assert!(!ended, "the wire has ended before the run");
        self.shared.load().troubles()
    }

    fn change(&self, change: impl FnOnce(&mut Load, Timestamp)) {
        change(&mut self.shared.load(), self.shared.clock.now());
        self.shared.ring();
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.change(|load, _| load.over = true);
        if let Some(thread) = self.thread.take() {
            // If it has panicked it has ended, too.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn load(&self) -> MutexGuard<'_, Load> {
        self.load.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self) {
        // If it cannot be written it rings already.
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }

    /// Carries until it is over.
    fn carry(&self) {
        // A timer may be late by this much more than its moment: the least that the kernel takes.
        let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1)); // ns
        let mut buffer = vec![0; LONGEST];
        loop {
            let (ends, next, more) = {
                let mut load = self.load();
                if load.over {
                    return;
                }
                let more = load.take_in(&mut buffer, &self.clock);
                load.hand_out(&self.clock);
                (load.ends.clone(), load.wire.poll_timeout(), more)
            };
            if !more {
                self.wait(&ends, next);
            }
        }
    }

    /// Waits until a host sends something, a packet is due, or the bell rings.
    fn wait(&self, ends: &[Option<Arc<File>>; 2], next: Option<Timestamp>) {
        let until = next.map(|next| next.since(self.clock.now()));
        let timeout = until.and_then(|until| Timespec::try_from(until).ok());
        let mut files = vec![PollFd::new(&self.bell, PollFlags::IN)];
        files.extend(
            ends.iter().flatten().map(|end| PollFd::from_borrowed_fd(end.as_fd(), PollFlags::IN)),
        );
        // Interrupted or not: whoever waits looks again.
        let _ = poll(&mut files, timeout.as_ref());
        let _ = rustix::io::read(&self.bell, &mut [0; 8]);
    }
}

#[cfg(test)]
mod tests {
    use socket2::{Domain, Socket, Type};

    use std::io::Read;

    use super::*;
    use crate::net::record::{Drop as Dropped, NetFate};
    use crate::testbed::kernel::load::is_sent;
    use crate::testbed::kernel::ours::tests::{CLIENT, SERVER, packet};

    /// A carrier between two pairs of sockets that keep packets apart, as devices do, and the far ends.
    fn carrier() -> (Carrier, [Socket; 2]) {
        let pair = || {
            let pair = Socket::pair(Domain::UNIX, Type::SEQPACKET, None);
            let (ours, theirs) = pair.expect("sockets");
            ours.set_nonblocking(true).expect("nonblocking");
            (Arc::new(File::from(OwnedFd::from(ours))), theirs)
        };
        let ((client, at_client), (server, at_server)) = (pair(), pair());
        let carrier = Carrier::new(&WireConfig::default(), client, server, Clock::start());
        (carrier.expect("a thread"), [at_client, at_server])
    }

    #[test]
    fn what_is_not_ours_is_not_carried_either() {
        let (carrier, [client, server]) = carrier();
        client.send(&packet(2, CLIENT, [224, 0, 0, 22])).expect("sent");
        client.send(&packet(17, CLIENT, SERVER)).expect("sent");
        let mut buffer = [0; 100];
        assert_eq!((&server).read(&mut buffer).expect("a packet"), 20);
        assert_eq!(buffer[9], 17);
        assert_eq!(carrier.take_record().iter().filter(|event| is_sent(event)).count(), 1);
        assert!(carrier.troubles().is_empty());
    }

    #[test]
    fn a_device_that_is_gone_is_let_go_and_told() {
        let (carrier, [client, server]) = carrier();
        drop(client);
        while carrier.shared.load().ends[0].is_some() {
            std::thread::yield_now();
        }
        assert_eq!(carrier.troubles(), ["the client's device was removed by somebody else"]);
        // The other end is carried for as before; what comes from there finds nobody.
        server.send(&packet(17, SERVER, CLIENT)).expect("sent");
        let dropped = NetFate::AtHost(Dropped::PoweredOff);
        while !carrier.shared.load().record.since(0).iter().any(|event| event.fate == dropped) {
            std::thread::yield_now();
        }
    }
}
