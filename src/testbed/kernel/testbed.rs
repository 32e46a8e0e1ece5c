//! What scenarios ask of a testbed, on hosts of our own.

use std::io;
use std::net::SocketAddr;
use std::sync::PoisonError;

use tokio::sync::mpsc;

use super::carrier::Carrier;
use super::{HostNet, KernelHosts, LOOK, SETTLING};
use crate::net::host_address;
use crate::peer::Transport;
use crate::testbed::late::read_late;
use crate::testbed::process::counter;
use crate::testbed::{Action, Happening, HostReport, Listener, ServerOptions, Testbed, trace_of};
use crate::time::Clock;
use crate::trace::Trace;

impl Testbed for KernelHosts {
    type Net = HostNet;

    fn client(&self, number: usize) -> HostNet {
        self.net(self.client.hands(), host_address(number))
    }

    fn clock(&self) -> Clock {
        self.servers.clock()
    }

    async fn listen(
        &mut self,
        listener: Listener,
        options: &ServerOptions,
        transport: Transport,
    ) -> io::Result<SocketAddr> {
        self.listening = Some((options.clone(), transport));
        self.servers.over(transport);
        match listener {
            Listener::Server => {
                let server = self.server.take();
                let no_power = || io::Error::from(io::ErrorKind::NetworkDown);
                let server = self.server.insert(server.ok_or_else(no_power)?);
                self.servers.begin(server, options).await?;
            }
            Listener::Silent => self.hold_silent(transport)?,
            Listener::Late => {
                let (net, at) = (self.server_net()?, self.servers.address);
                let (clock, happened) = (self.servers.clock(), self.servers.happened());
                read_late(&net, at, transport, clock, happened)?;
            }
            Listener::Nobody => {}
        }
        self.join_hosts()?;
        Ok(self.servers.address)
    }

    async fn act(&mut self, action: Action) -> io::Result<()> {
        match action {
            Action::PowerOff => self.power_off().await?,
            Action::PowerOn => self.power_on().await?,
            Action::Cut => self.with_carrier(|carrier| carrier.set_cut(true)),
            Action::Join => self.with_carrier(|carrier| carrier.set_cut(false)),
            Action::NewAddress => self.with_carrier(Carrier::change_address),
            Action::Forge(what) => self.forge(what),
            other => {
                let no_power = || io::Error::from(io::ErrorKind::NetworkDown);
                self.servers.act(self.server.as_ref().ok_or_else(no_power)?, other).await?;
            }
        }
        Ok(())
    }

    fn happenings(&mut self) -> mpsc::UnboundedReceiver<Happening> {
        self.servers.happenings()
    }

    async fn trace(&mut self) -> Option<Trace> {
        let clock = self.clock();
        let patience = clock.now() + SETTLING;
        while !self.is_quiet() && clock.now() < patience {
            clock.sleep_until(clock.now() + LOOK).await;
        }
        let record = self.carrier.as_ref()?.take_record();
        Some(trace_of(&record, &self.config.wire.rules))
    }

    fn host_report(&mut self) -> Option<HostReport> {
        let full = self
            .server
            .as_ref()
            .and_then(|server| counter(server.0.tables(), "snmp", "Udp", "RcvbufErrors"));
        let server = self.server.as_ref().map_or(0, |server| server.0.lost_in_queue());
        Some(HostReport {
            stack: self.stack(),
            connections: self.facts.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            unseen: self.client.lost_in_queue() + server,
            buffer_full: full.unwrap_or_default(),
            troubles: self.carrier.as_ref().map(Carrier::troubles).unwrap_or_default(),
        })
    }
}
