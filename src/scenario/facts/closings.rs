//! How TCP refuses, and how a connection ends that somebody closes too early.

use std::io;
use std::time::Duration;

use serde_json::json;

use super::lab::{Lab, REQUEST, name, read, write_all};
use super::{Finding, ms, time};
use crate::net::Net;
use crate::testbed::BothEnds;

/// More than a round trip: whatever the network has to say about it has been said.
const AFTER_ROUND_TRIP: Duration = Duration::from_millis(100);

pub(super) async fn refused_syn<T: BothEnds>(lab: &mut Lab<T>) -> io::Result<Finding> {
    let begun = lab.clock.now();
    let result = lab.client().connect(lab.server).await;
    let took = lab.clock.now().since(begun);
    let error = result.err().ok_or_else(unexpected)?;
    let said = name(&error);
    let rst = reset_by_server(lab).await;
    let words = format!("{}{said} after {}", said_by(rst), time(took));
    Ok(Finding::measured(words, json!({ "rst": rst, "error": said, "after_ms": ms(took) })))
}

pub(super) async fn unread_close<T: BothEnds>(lab: &mut Lab<T>) -> io::Result<Finding> {
    let mut pair = lab.connected().await?;
    write_all(&mut pair.client, REQUEST).await?;
    let since = crate::time::Timestamp::ZERO;
    lab.segments_until(lab.longest, |seen| {
        seen.iter().any(|one| one.is_request_since(since) && one.arrived.is_some())
    })
    .await;
    drop(pair.server);
    let result = read(&mut pair.client).await;
    let said = result.map_or_else(|error| name(&error), |received| format!("{received:?}"));
    let rst = reset_by_server(lab).await;
    let words = format!("{}a read says {said}", said_by(rst));
    Ok(Finding::measured(words, json!({ "rst": rst, "read": said })))
}

pub(super) async fn write_after_close<T: BothEnds>(lab: &mut Lab<T>) -> io::Result<Finding> {
    let mut pair = lab.acquainted().await?;
    drop(pair.server);
    read(&mut pair.client).await?;
    let first = written(write_all(&mut pair.client, REQUEST).await);
    lab.wait(AFTER_ROUND_TRIP).await;
    let second = written(write_all(&mut pair.client, REQUEST).await);
    let rst = reset_by_server(lab).await;
    let words = format!("the first write: {first}; {}the second: {second}", said_by(rst));
    Ok(Finding::measured(words, json!({ "rst": rst, "first": first, "second": second })))
}

fn written(result: io::Result<()>) -> String {
    result.map_or_else(|error| name(&error), |()| "ok".to_owned())
}

async fn reset_by_server<T: BothEnds>(lab: &mut Lab<T>) -> bool {
    let is_reset = |one: &super::lab::Seen| one.rst && !one.is_from_client();
    let seen = lab.segments_until(AFTER_ROUND_TRIP, |seen| seen.iter().any(is_reset)).await;
    seen.iter().any(is_reset)
}

fn said_by(rst: bool) -> &'static str {
    if rst { "RST; " } else { "no RST; " }
}

fn unexpected() -> io::Error {
    io::Error::other("somebody listens")
}
