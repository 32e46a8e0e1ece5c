//! A run that hangs ends nevertheless, at its horizon. Here on a paused clock: in real time that takes
//! minutes.

use std::future::pending;
use std::io;
use std::net::SocketAddr;

use clap::Parser;
use rand::{SeedableRng, rngs::ChaCha8Rng};
use socklab::cli::compare::CompareArguments;
use socklab::net::kernel::Kernel;
use socklab::peer::Transport;
use socklab::scenario::run::{horizon, run};
use socklab::scenario::{Network, library};
use socklab::testbed::{Action, Happening, Listener, ServerOptions, Testbed};
use socklab::time::Clock;
use socklab::trace::Trace;
use tokio::sync::mpsc;

/// A testbed on which nobody listens, and which never comes to rest.
struct Restless(Clock);

impl Testbed for Restless {
    type Net = Kernel;

    fn client(&self, _number: usize) -> Kernel {
        Kernel
    }

    fn clock(&self) -> Clock {
        self.0
    }

    async fn listen(
        &mut self,
        _listener: Listener,
        _options: &ServerOptions,
        _transport: Transport,
    ) -> io::Result<SocketAddr> {
        // Port 1: tcpmux, which nobody serves any more.
        Ok(([127, 0, 0, 1], 1).into())
    }

    async fn act(&mut self, _action: Action) -> io::Result<()> {
        Ok(())
    }

    fn happenings(&mut self) -> mpsc::UnboundedReceiver<Happening> {
        mpsc::unbounded_channel().1
    }

    async fn trace(&mut self) -> Option<Trace> {
        pending().await
    }
}

#[test]
fn a_run_that_hangs_ends_at_its_horizon() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().start_paused(true);
    runtime.build().expect("a runtime").block_on(async {
        let scenario = library::find("server-not-running").expect("a scenario");
        let settings = CompareArguments::parse_from(["compare"]).settings();
        let column = scenario.columns_on(Network::Kernel)[0];
        let clock = Clock::start();
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let ended = run(Restless(clock), scenario, column, &settings, &mut random).await;
        let error = ended.expect_err("it hangs");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(error.to_string().starts_with("nothing ended it within "), "{error}");
        // To the millisecond in which a paused clock wakes sleepers.
        let took = clock.now().since(socklab::time::Timestamp::ZERO);
        let late = took.saturating_sub(horizon(scenario, &settings));
        assert!(took >= horizon(scenario, &settings) && late.as_millis() <= 1, "{took:?}");
    });
}
