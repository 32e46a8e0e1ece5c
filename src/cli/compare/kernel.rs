//! The kernel network, as far as it is there: Linux only, and only where the system lets us.

use crate::cli::Failure;

/// Why it is not available, with one thing to do: exit code 11.
pub(super) type Refusal = Failure;

#[cfg(target_os = "linux")]
pub(super) use linux::{acquire_rights, on_kernel, probe};

#[cfg(not(target_os = "linux"))]
pub(super) use elsewhere::{acquire_rights, on_kernel, probe};

#[cfg(target_os = "linux")]
mod linux {
    use std::time::Duration;

    use color_eyre::eyre;
    use rand::SeedableRng;
    use rand::rngs::ChaCha8Rng;

    use super::Refusal;
    use crate::cli::compare::NOT_AVAILABLE;
    use crate::net::kernel::allow_connections;
    use crate::scenario::log::Run;
    use crate::scenario::run::{clients, run as carry_out};
    use crate::scenario::{Column, Scenario, Settings};
    use crate::testbed::kernel::{self, KernelConfig, KernelHosts, Surroundings, Unavailable};
    use crate::testbed::{Patience, TcpProfile};
    use crate::wire::{Impairment, WireConfig};

    /// Gets the rights that the kernel network needs; to be called while there is one thread.
    ///
    /// # Errors
    /// If the system does not let us.
    pub(in crate::cli::compare) fn acquire_rights() -> Result<(), Refusal> {
        kernel::acquire_rights().map_err(|unavailable| refusal(&unavailable))
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

    /// Runs one column on hosts of its own.
    ///
    /// # Errors
    /// If the hosts cannot be made, or the scenario does not come to its end.
    pub(in crate::cli::compare) async fn on_kernel(
        scenario: &Scenario,
        column: Column,
        settings: &Settings,
    ) -> eyre::Result<Run> {
        allow_connections(clients(scenario, settings));
        let config = KernelConfig {
            wire: scenario.wire(settings),
            clients: clients(scenario, settings),
            profile: settings.profile,
            patience: scenario.patience,
        };
        let settings = &in_real_time(settings, &config.wire);
        let hosts = KernelHosts::new(config).map_err(|unavailable| refusal(&unavailable))?;
        let mut random = ChaCha8Rng::seed_from_u64(settings.server.seed);
        Ok(carry_out(hosts, scenario, column, settings, &mut random).await?)
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use color_eyre::eyre;

    use super::Refusal;
    use crate::cli::compare::NOT_AVAILABLE;
    use crate::scenario::log::Run;
    use crate::scenario::{Column, Scenario, Settings};

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

    /// Says that there is no kernel network here.
    pub(in crate::cli::compare) async fn on_kernel(
        _scenario: &Scenario,
        _column: Column,
        _settings: &Settings,
    ) -> eyre::Result<Run> {
        Err(refusal().into())
    }
}
