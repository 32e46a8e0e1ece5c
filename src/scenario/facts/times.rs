//! TCP's clocks: when it repeats, when it gives up, how long it holds an acknowledgement back.

use std::io;
use std::time::Duration;

use serde_json::json;

use super::lab::{Lab, REQUEST, Seen, gaps, name, read, write_all};
use super::{Finding, list_of_seconds, ms, time};
use crate::net::Net;
use crate::testbed::BothEnds;
use crate::time::Timestamp;

/// Longer than any stack waits before it repeats once, on a wire of this kind.
const ONE_REPETITION: Duration = Duration::from_secs(4);

/// Long enough for three repetitions that begin with a second and double.
const REPETITIONS: Duration = Duration::from_millis(7_500);

/// Repetitions whose times are told.
const TOLD: usize = 4;

/// Longer than any acknowledgement may be held back (RFC 9293 section 3.8.6.3).
const ONE_ACK: Duration = Duration::from_millis(600);

/// Exchanges after which a stack takes the traffic for questions and answers.
const PING_PONG: usize = 5;

pub(super) async fn initial_rto<T: BothEnds>(lab: &mut Lab<T>) -> io::Result<Finding> {
    let _listener = lab.testbed.at_server()?.listen(lab.server, true)?;
    let begun = lab.clock.now();
    let _connection = lab.client().connect(lab.server).await?;
    let took = lab.clock.now().since(begun);
    let gaps = syn_gaps(&lab.segments());
    let gap = gaps.first().copied().ok_or(io::ErrorKind::NotFound)?;
    let words = format!("SYN again after {}, connected after {}", time(gap), time(took));
    Ok(Finding::measured(words, json!({ "rto_ms": ms(gap), "connected_ms": ms(took) })))
}

pub(super) async fn syn_schedule<T: BothEnds>(lab: &mut Lab<T>) -> io::Result<Finding> {
    lab.cut().await?;
    let begun = lab.clock.now();
    let client = lab.client();
    let ended = lab.within(lab.longest, client.connect(lab.server)).await;
    let (how, took) = ending(ended.map(|result| result.err()), lab.clock.now().since(begun));
    let gaps = syn_gaps(&lab.segments());
    let words = format!("gaps of {} between SYNs; {how}", list_of_seconds(&gaps));
    let all: Vec<f64> = gaps.iter().copied().map(ms).collect();
    Ok(Finding::measured(words, json!({ "gaps_ms": all, "given_up_ms": took })))
}

/// Sends a SYN that nobody answers; returns the first gaps between its repetitions.
pub(super) async fn first_syn_gaps<T: BothEnds>(
    lab: &mut Lab<T>,
    wanted: usize,
) -> io::Result<Vec<Duration>> {
    lab.cut().await?;
    let (client, server) = (lab.client(), lab.server);
    let seen = lab.segments_until(REPETITIONS, |seen| syn_gaps(seen).len() >= wanted);
    let connecting = client.connect(server);
    tokio::select! {
        biased;
        seen = seen => Ok(syn_gaps(&seen)),
        result = connecting => Err(result.err().unwrap_or(io::ErrorKind::NotConnected.into())),
    }
}

fn syn_gaps(seen: &[Seen]) -> Vec<Duration> {
    gaps(seen.iter().filter(|one| one.syn && one.is_from_client()).map(|one| one.sent))
}

pub(super) async fn least_rto<T: BothEnds>(lab: &mut Lab<T>) -> io::Result<Finding> {
    let (gap, expected) = lost_request(lab).await?;
    let words = format!("again after {}", time(gap));
    let finding = Finding::measured(words, json!({ "rto_ms": ms(gap) }));
    Ok(match expected {
        Some(rto) => finding.and(
            &format!("; TCP_INFO said {} before", time(rto)),
            json!({ "tcp_info_rto_ms": ms(rto) }),
        ),
        None => finding,
    })
}

/// Loses the second request; returns after which time it was sent again, and after which the stack had
/// said that it would.
pub(super) async fn lost_request<T: BothEnds>(
    lab: &mut Lab<T>,
) -> io::Result<(Duration, Option<Duration>)> {
    let mut pair = lab.acquainted().await?;
    let expected = T::facts_of(&pair.client).map(|facts| facts.retransmission_timeout);
    let since = lab.clock.now();
    write_all(&mut pair.client, REQUEST).await?;
    let gaps = repeated(lab, since, 1, ONE_REPETITION).await;
    let gap = gaps.first().copied().ok_or(io::ErrorKind::TimedOut)?;
    Ok((gap, expected))
}

pub(super) async fn backoff<T: BothEnds>(lab: &mut Lab<T>) -> io::Result<Finding> {
    let mut pair = lab.acquainted().await?;
    lab.cut().await?;
    let since = lab.clock.now();
    write_all(&mut pair.client, REQUEST).await?;
    let gaps = repeated(lab, since, TOLD, REPETITIONS).await;
    let words = format!("again after {}", list_of_seconds(&gaps));
    let gaps: Vec<f64> = gaps.into_iter().map(ms).collect();
    Ok(Finding::measured(words, json!({ "gaps_ms": gaps })))
}

/// Waits until what was written since has been sent again so often; returns the times between.
async fn repeated<T: BothEnds>(
    lab: &mut Lab<T>,
    since: Timestamp,
    wanted: usize,
    limit: Duration,
) -> Vec<Duration> {
    let copies = |seen: &[Seen]| {
        let first = seen.iter().find(|one| one.is_request_since(since)).copied();
        let same = |one: &&Seen| {
            let alike = |first: Seen| first.sequence == one.sequence;
            one.is_request_since(since) && first.is_some_and(alike)
        };
        gaps(seen.iter().filter(same).map(|one| one.sent))
    };
    let seen = lab.segments_until(limit, |seen| copies(seen).len() >= wanted).await;
    copies(&seen)
}

pub(super) async fn giving_up<T: BothEnds>(lab: &mut Lab<T>) -> io::Result<Finding> {
    let mut pair = lab.acquainted().await?;
    lab.cut().await?;
    let begun = lab.clock.now();
    write_all(&mut pair.client, REQUEST).await?;
    let ended = lab.within(lab.longest, read(&mut pair.client)).await;
    let (how, took) = ending(ended.map(|result| result.err()), lab.clock.now().since(begun));
    let copies = lab.segments().iter().filter(|one| one.is_request_since(begun)).count();
    let again = copies.saturating_sub(1);
    let words = format!("{how} and {again} repetitions");
    Ok(Finding::measured(words, json!({ "given_up_ms": took, "repetitions": again })))
}

/// Says how waiting ended, and after how many milliseconds if it did.
pub(super) fn ending(ended: Option<Option<io::Error>>, after: Duration) -> (String, Option<f64>) {
    match ended {
        Some(Some(error)) => (format!("{} after {}", name(&error), time(after)), Some(ms(after))),
        Some(None) => ("no error".to_owned(), None),
        None => (format!("no error within {}", time(after)), None),
    }
}

pub(super) async fn delayed_ack<T: BothEnds>(lab: &mut Lab<T>) -> io::Result<Finding> {
    let (late, first) = held_back(lab).await?;
    let words = format!(
        "{} after questions and answers, {} at the start of a connection",
        time(late),
        time(first)
    );
    Ok(Finding::measured(words, json!({ "delayed_ms": ms(late), "quick_ms": ms(first) })))
}

/// Returns how long the acknowledgement of the last of some replies is held back, and that of a first
/// request.
pub(super) async fn held_back<T: BothEnds>(lab: &mut Lab<T>) -> io::Result<(Duration, Duration)> {
    let mut pair = lab.connected().await?;
    let since = lab.clock.now();
    write_all(&mut pair.client, REQUEST).await?;
    let first = acknowledged(lab, since, true).await?;
    read(&mut pair.server).await?;
    for _ in 1..PING_PONG {
        pair.exchange().await?;
    }
    let since = lab.clock.now();
    pair.exchange().await?;
    let last = acknowledged(lab, since, false).await?;
    Ok((last, first))
}

/// Returns how long after the arrival of the first data since then its receiver sent a segment.
async fn acknowledged<T: BothEnds>(
    lab: &mut Lab<T>,
    since: Timestamp,
    from_client: bool,
) -> io::Result<Duration> {
    let delay = |seen: &[Seen]| {
        let data = seen.iter().find(|one| {
            one.sent >= since && one.payload > 0 && one.is_from_client() == from_client
        });
        let arrived = data?.arrived?;
        let answers = |one: &&Seen| one.sent >= arrived && one.is_from_client() != from_client;
        Some(seen.iter().find(answers)?.sent.since(arrived))
    };
    let seen = lab.segments_until(ONE_ACK, |seen| delay(seen).is_some()).await;
    delay(&seen).ok_or_else(|| io::ErrorKind::TimedOut.into())
}
