//! What TCP and UDP do by themselves, whatever program uses them: how soon they repeat, when they give
//! up, how much they take and how they say goodbye. Each is found out by a small experiment between two
//! hosts, on the simulation and with Linux's own stack, and nothing is taken from a book but what the
//! RFCs say.
//!
//! `list` has what is asked. `times`, `sizes`, `closings` and `datagrams` have the experiments that both
//! stacks can do, `kernel` those that only Linux can, and all of it at once.

mod closings;
mod datagrams;
#[cfg(target_os = "linux")]
mod kernel;
mod lab;
mod list;
mod simulation;
mod sizes;
mod times;

#[cfg(target_os = "linux")]
pub use kernel::in_short;
pub use list::Quantity;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::time::Duration;

use serde_json::{Map, Value};

use super::words::short;
use crate::testbed::{Stack, TcpProfile};

/// What was found out about both stacks.
#[derive(Debug, Clone)]
pub struct Facts {
    /// How Linux's stack was set up, read back from it, or why there is none that can be asked.
    pub kernel: Result<Stack, String>,
    /// Whose stack the simulation is.
    pub simulation: Stack,
    /// One after the other.
    pub facts: Vec<Fact>,
}

/// One fact about both stacks.
#[derive(Debug, Clone)]
pub struct Fact {
    /// What was asked.
    pub quantity: Quantity,
    /// What Linux does.
    pub kernel: Finding,
    /// What the simulation does.
    pub simulation: Finding,
}

/// What an experiment found.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// This.
    Measured {
        /// In words.
        words: String,
        /// In numbers, by name.
        numbers: Map<String, Value>,
    },
    /// Nothing, and why.
    NotMeasured(String),
}

/// The little that every report about Linux's stack says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackFacts {
    /// After which times a SYN was sent again that nobody answered, the first few.
    pub syn_again: Vec<Duration>,
    /// After which time a segment was sent again when the round trip is next to nothing.
    pub least_rto: Duration,
    /// How long an acknowledgement waited for data to go with.
    pub delayed_ack: Duration,
}

impl fmt::Display for StackFacts {
    /// `SYNs 1.02, 1.03 s apart`, and so on.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gaps = list_of_seconds(&self.syn_again);
        let (rto, ack) = (time(self.least_rto), short(self.delayed_ack));
        write!(formatter, "SYNs {gaps} apart; RTO >= {rto}; ACK delayed by {ack}")
    }
}

/// Asks both stacks everything. `kernel` is the profile with which Linux's is asked, or why it cannot
/// be.
///
/// # Errors
/// If the simulation fails; what fails on the hosts is said at its place.
pub async fn measure(kernel: Result<TcpProfile, String>) -> io::Result<Facts> {
    // Not at once: it would take the processor from those that measure real time.
    let simulated = tokio::task::spawn_blocking(simulation::measure);
    let mut simulated = simulated.await.map_err(io::Error::other)??;
    let (kernel, mut found) = match kernel {
        Ok(profile) => on_kernel(profile).await,
        Err(why) => (Err(why), BTreeMap::new()),
    };
    let not_available = || Finding::NotMeasured("the kernel network is not available".to_owned());
    let mut fact = |quantity: Quantity| Fact {
        quantity,
        kernel: found.remove(&quantity).unwrap_or_else(not_available),
        simulation: simulated.remove(&quantity).unwrap_or_else(not_available),
    };
    let facts = Quantity::ALL.iter().map(|quantity| fact(*quantity)).collect();
    Ok(Facts { kernel, simulation: crate::testbed::sim::stack(), facts })
}

/// What one stack does.
type Findings = BTreeMap<Quantity, Finding>;

#[cfg(target_os = "linux")]
async fn on_kernel(profile: TcpProfile) -> (Result<Stack, String>, Findings) {
    match kernel::measure(profile).await {
        Ok((stack, found)) => (Ok(stack), found),
        Err(error) => (Err(error.to_string()), BTreeMap::new()),
    }
}

#[cfg(not(target_os = "linux"))]
async fn on_kernel(_profile: TcpProfile) -> (Result<Stack, String>, Findings) {
    (Err("The kernel network needs Linux, and this is another system".to_owned()), BTreeMap::new())
}

impl Finding {
    /// `numbers` is a JSON object.
    fn measured(words: impl Into<String>, numbers: Value) -> Self {
        let numbers = match numbers {
            Value::Object(numbers) => numbers,
            _ => Map::new(),
        };
        Finding::Measured { words: words.into(), numbers }
    }

    fn not_measured(why: &str) -> Self {
        Finding::NotMeasured(why.to_owned())
    }

    /// An experiment that failed has measured nothing.
    fn of(result: io::Result<Finding>) -> Self {
        result
            .unwrap_or_else(|error| Finding::NotMeasured(format!("the experiment failed: {error}")))
    }

    /// Adds something; not where nothing was measured.
    fn and(mut self, also: &str, more: Value) -> Self {
        if let (Finding::Measured { words, numbers }, Value::Object(more)) = (&mut self, more) {
            words.push_str(also);
            numbers.extend(more);
        }
        self
    }
}

/// Returns a time with three digits that matter: `0.21 ms`, `252 ms`, `1.02 s`, `1 s`.
fn time(duration: Duration) -> String {
    match duration.as_secs() {
        1..100 => format!("{} s", digits(duration)),
        _ => short(duration),
    }
}

/// Returns times as one list of seconds: `0.25, 0.51, 1.02 s`.
fn list_of_seconds(times: &[Duration]) -> String {
    let list: Vec<String> = times.iter().map(|time| digits(*time)).collect();
    format!("{} s", list.join(", "))
}

fn digits(duration: Duration) -> String {
    let places = if duration < Duration::from_secs(10) { 2 } else { 1 };
    let text = format!("{:.places$}", duration.as_secs_f64());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Returns milliseconds, to the hundredth: what is finer is the machine's own noise.
fn ms(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 100_000.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_digits_that_matter() {
        let said = |ms: u64| time(Duration::from_millis(ms));
        assert_eq!(
            [said(252), said(1_024), said(1_000), said(30_040)],
            ["252 ms", "1.02 s", "1 s", "30 s"]
        );
        let gaps = [250, 1_000, 20_500].map(Duration::from_millis);
        assert_eq!(list_of_seconds(&gaps), "0.25, 1, 20.5 s");
    }

    #[test]
    fn the_little_is_one_line() {
        let facts = StackFacts {
            syn_again: vec![Duration::from_millis(1_020), Duration::from_millis(1_030)],
            least_rto: Duration::from_millis(204),
            delayed_ack: Duration::from_millis(41),
        };
        let line = "SYNs 1.02, 1.03 s apart; RTO >= 204 ms; ACK delayed by 41 ms";
        assert_eq!(facts.to_string(), line);
    }
}
