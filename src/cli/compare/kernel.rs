//! The kernel network, as far as it is there: Linux only, and only where the system lets us.

use crate::cli::Failure;

/// Runs at once at most: they wait for the wire more than they work.
pub(super) const AT_ONCE: u32 = 8;

/// Why it is not available, with one thing to do: exit code 11.
pub(super) type Refusal = Failure;

#[cfg(target_os = "linux")]
pub(super) use linux::{acquire_rights, on_kernel, probe, stack_facts, tidy_up};

#[cfg(not(target_os = "linux"))]
pub(super) use elsewhere::{acquire_rights, on_kernel, probe, stack_facts, tidy_up};

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::time::Duration;

    use color_eyre::eyre;
    use rand::SeedableRng;
    use rand::rngs::ChaCha8Rng;
    use tokio::sync::{OnceCell, Semaphore};

    use super::{AT_ONCE, Refusal};
    use crate::cli::compare::NOT_AVAILABLE;
    use crate::net::kernel::allow_connections;
    use crate::scenario::facts::{StackFacts, in_short};
    use crate::scenario::log::Run;
    use crate::scenario::run::{clients, run as carry_out};
    use crate::scenario::{Column, Scenario, Settings};
    use crate::testbed::kernel::{
        self, KernelConfig, KernelHosts, Surroundings, Unavailable, apart, wait_until_over,
    };
    use crate::testbed::{Patience, TcpProfile};
    use crate::wire::{Impairment, WireConfig};

    /// Gets the rights that the kernel network needs; to be called while there is one thread.
    ///
    /// # Errors
    /// If the system does not let us.
    pub(in crate::cli::compare) fn acquire_rights() -> Result<(), Refusal> {
        kernel::acquire_rights().map_err(|unavailable| refusal(&unavailable))
    }

    /// Lets what was interrupted tidy up behind itself.
    pub(in crate::cli::compare) fn tidy_up() {
        /// Letting hosts go takes some tenths of a second, with everything else that is to end.
        const LONGEST: Duration = Duration::from_secs(2);
        wait_until_over(LONGEST);
    }

    /// Finds out whether it works, by really making one.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(in crate::cli::compare) fn probe() -> Result<String, Refusal> {
        let config = KernelConfig {
            wire: WireConfig::default(),
            clients: 1,
            profile: TcpProfile::Linux,
            patience: Patience::default(),
        };
        let hosts = KernelHosts::new(config).map_err(|unavailable| refusal(&unavailable))?;
        Ok(format!("{}, hosts of our own joined by TUN devices", hosts.stack().name))
    }

    /// Returns what Linux's stack is found to do by itself, or why that could not be found out; it is
    /// asked once, however often this is called.
    pub(in crate::cli::compare) async fn stack_facts(
        profile: TcpProfile,
    ) -> Option<Result<StackFacts, String>> {
        static MEASURED: OnceCell<Result<StackFacts, String>> = OnceCell::const_new();
        let measure = async || {
            let found = apart(move || in_short(profile)).await.and_then(|found| found);
            found.map_err(|error| error.to_string())
        };
        Some(MEASURED.get_or_init(measure).await.clone())
    }

    fn refusal(unavailable: &Unavailable) -> Refusal {
        Refusal {
            what: format!("The kernel network is not available: {unavailable}"),
            advice: format!(
                "{}. The simulated network (--net sim) needs nothing",
                unavailable.advice(Surroundings::look())
            ),
            code: NOT_AVAILABLE,
        }
    }

    /// Longer than any answer takes that is not lost, on a wire of a class.
    const ONE_TRY: Duration = Duration::from_secs(1);

    /// Returns the settings with what real time makes of them: a lost answer that nobody asks for
    /// again is not waited for until the deadline.
    fn in_real_time(settings: &Settings, wire: &WireConfig) -> Settings {
        let slowest = |way: &Impairment| way.delay + way.jitter;
        let slow = (slowest(&wire.c2s) + slowest(&wire.s2c)) * 4;
        Settings { one_try: Some(ONE_TRY.max(slow)), ..settings.clone() }
    }

    /// Runs one column on hosts of its own, on a thread of its own, in its turn: a turn has
    /// [`AT_ONCE`] shares. Where the system has no room for more network namespaces, its turn is when
    /// no others of ours are left.
    ///
    /// # Errors
    /// If the hosts cannot be made, or the scenario does not come to its end.
    pub(in crate::cli::compare) async fn on_kernel(
        scenario: &Scenario,
        column: Column,
        settings: &Settings,
        turn: &Semaphore,
    ) -> eyre::Result<Run> {
        allow_connections(clients(scenario, settings));
        let config = KernelConfig {
            wire: scenario.wire(settings),
            clients: clients(scenario, settings),
            profile: settings.profile,
            patience: scenario.patience,
        };
        let settings = in_real_time(settings, &config.wire);
        let experiment = Experiment { scenario: *scenario, column, settings, config };
        let share = if scenario.is_busy() { AT_ONCE } else { 1 };
        // It is never closed.
        let permit = turn.acquire_many(share).await.ok();
        let first = experiment.clone();
        let mut run = apart(move || first.carry_out(false)).await?;
        if run.as_ref().is_err_and(Unavailable::may_pass) {
            drop(permit);
            let _alone = turn.acquire_many(AT_ONCE).await.ok();
            run = apart(move || experiment.carry_out(true)).await?;
        }
        Ok(run.map_err(|unavailable| refusal(&unavailable))??)
    }

    /// Everything that decides about one column.
    #[derive(Clone)]
    struct Experiment {
        scenario: Scenario,
        column: Column,
        settings: Settings,
        config: KernelConfig,
    }

    impl Experiment {
        /// Carries it out on hosts of its own, for which it may wait until there is room.
        async fn carry_out(self, waits: bool) -> Result<io::Result<Run>, Unavailable> {
            let Experiment { scenario, column, settings, config } = self;
            let hosts = match waits {
                true => KernelHosts::when_there_is_room(config).await?,
                false => KernelHosts::new(config)?,
            };
            let mut random = ChaCha8Rng::seed_from_u64(settings.server.seed);
            Ok(carry_out(hosts, &scenario, column, &settings, &mut random).await)
        }
    }
}

// Compiled for the tests everywhere: what is said on other systems is tested on Linux.
#[cfg(any(test, not(target_os = "linux")))]
#[cfg_attr(target_os = "linux", expect(dead_code, reason = "its words alone are tested"))]
mod elsewhere {
    use color_eyre::eyre;
    use tokio::sync::Semaphore;

    use super::Refusal;
    use crate::cli::compare::NOT_AVAILABLE;
    use crate::scenario::facts::StackFacts;
    use crate::scenario::log::Run;
    use crate::scenario::{Column, Scenario, Settings};
    use crate::testbed::TcpProfile;

    fn refusal() -> Refusal {
        Refusal {
            what: "The kernel network needs Linux, and this is another system".to_owned(),
            advice: "The simulated network (--net sim) needs nothing".to_owned(),
            code: NOT_AVAILABLE,
        }
    }

    /// Says that there is no kernel network here.
    pub(in crate::cli::compare) fn acquire_rights() -> Result<(), Refusal> {
        Err(refusal())
    }

    /// Says that there is no kernel network here.
    pub(in crate::cli::compare) fn probe() -> Result<String, Refusal> {
        Err(refusal())
    }

    /// Nothing was begun.
    pub(in crate::cli::compare) fn tidy_up() {}

    /// Nothing is known of a stack that cannot be asked.
    pub(in crate::cli::compare) async fn stack_facts(
        _profile: TcpProfile,
    ) -> Option<Result<StackFacts, String>> {
        None
    }

    /// Says that there is no kernel network here.
    pub(in crate::cli::compare) async fn on_kernel(
        _scenario: &Scenario,
        _column: Column,
        _settings: &Settings,
        _turn: &Semaphore,
    ) -> eyre::Result<Run> {
        Err(refusal().into())
    }
}

#[cfg(test)]
mod tests {
    use super::elsewhere;
    use crate::cli::compare::NOT_AVAILABLE;

    #[test]
    fn other_systems_than_linux_are_told_so_and_what_works_there() {
        for refused in [elsewhere::acquire_rights().err(), elsewhere::probe().err()] {
            let refusal = refused.expect("refused");
            assert_eq!(refusal.what, "The kernel network needs Linux, and this is another system");
            assert_eq!(refusal.advice, "The simulated network (--net sim) needs nothing");
            assert_eq!(refusal.code, NOT_AVAILABLE);
        }
    }
}
