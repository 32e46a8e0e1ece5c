//! The experiments on hosts of our own; those that take long wait beside the others. The ones that
//! need what only Linux has are here: options of its sockets, and its tables.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use serde_json::{Value, json};
use socket2::{Protocol, SockRef, TcpKeepalive, Type};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::task::JoinSet;

use super::lab::{Lab, REQUEST, read, wire, write_all};
use super::list::Quantity as Q;
use super::simulation::{DELAY, ask};
use super::{Finding, Findings, StackFacts, datagrams, ms, sizes, time, times};
use crate::net::Listener;
use crate::testbed::kernel::{HostNet, KernelConfig, KernelHosts, apart};
use crate::testbed::{BothEnds, Patience, Stack, TcpProfile};
use crate::wire::Rule;

/// More than the shortened limits take.
const LONGEST: Duration = Duration::from_secs(15);

/// What is read back from a host on which nothing is shortened.
const DEFAULTS: &[&str] = &[
    "tcp_syn_retries",
    "tcp_syn_linear_timeouts",
    "tcp_retries2",
    "tcp_keepalive_time",
    "tcp_keepalive_intvl",
    "tcp_keepalive_probes",
    "ip_local_port_range",
];

/// Sysctls and their values.
type Defaults = BTreeMap<&'static str, String>;

/// Asks Linux everything; returns how it was set up, too.
///
/// # Errors
/// If hosts cannot be made.
pub(super) async fn measure(profile: TcpProfile) -> io::Result<(Stack, Findings)> {
    let plain = hosts(profile, DELAY, Vec::new(), Patience::default())?;
    let stack = plain.stack();
    // What a profile sets is not what the system has by itself.
    let untouched = hosts(TcpProfile::Linux, DELAY, Vec::new(), Patience::default())?;
    let default = |name: &&'static str| Some((*name, untouched.setting(name)?));
    let defaults: Defaults = DEFAULTS.iter().filter_map(default).collect();
    // Each on a thread of its own: who makes hosts, or lets them go, keeps nobody waiting.
    let ask = |quantity: Q, defaults: Defaults| {
        apart(async move || {
            let hosts = hosts(profile, DELAY, quantity.rules(), quantity.patience())?;
            found(quantity, hosts, &defaults).await
        })
    };
    let mut tasks = JoinSet::new();
    for quantity in Q::ALL.iter().copied().filter(|quantity| quantity.takes_long()) {
        let asked = ask(quantity, defaults.clone());
        tasks.spawn(async move { (quantity, Finding::of(asked.await.and_then(|found| found))) });
    }
    let mut findings = Findings::new();
    // Beside those that wait, one after the other: so nobody measures its neighbour.
    for quantity in Q::ALL.iter().copied().filter(|quantity| !quantity.takes_long()) {
        let finding = ask(quantity, defaults.clone()).await.and_then(|found| found);
        findings.insert(quantity, Finding::of(finding));
    }
    while let Some(found) = tasks.join_next().await {
        findings.extend([found.map_err(io::Error::other)?]);
    }
    Ok((stack, findings))
}

/// Asks Linux the little that every report says of it, within some three seconds.
///
/// # Errors
/// If hosts cannot be made, or an experiment fails.
pub async fn in_short(profile: TcpProfile) -> io::Result<StackFacts> {
    /// So short that what is measured is the stack's own.
    const NEAR: Duration = Duration::from_millis(1);
    const GAPS: usize = 2;
    let near = |quantity: Q| {
        let hosts = hosts(profile, NEAR, quantity.rules(), Patience::default());
        Ok::<_, io::Error>((hosts?, quantity.rules()))
    };
    let (syn, rto, ack) = (near(Q::SynSchedule)?, near(Q::LeastRto)?, near(Q::DelayedAck)?);
    let lab = |(hosts, rules): (KernelHosts, Vec<Rule>)| Lab::new(hosts, rules, LONGEST);
    let (mut syn, mut rto, mut ack) = (lab(syn).await?, lab(rto).await?, lab(ack).await?);
    let (syn_again, least_rto, delayed_ack) = tokio::try_join!(
        times::first_syn_gaps(&mut syn, GAPS),
        times::lost_request(&mut rto),
        times::held_back(&mut ack),
    )?;
    Ok(StackFacts { syn_again, least_rto: least_rto.0, delayed_ack: delayed_ack.0 })
}

fn hosts(
    profile: TcpProfile,
    delay: Duration,
    rules: Vec<Rule>,
    patience: Patience,
) -> io::Result<KernelHosts> {
    let config = KernelConfig { wire: wire(delay, rules), clients: 1, profile, patience };
    KernelHosts::new(config).map_err(|unavailable| io::Error::other(unavailable.to_string()))
}

async fn found(quantity: Q, hosts: KernelHosts, defaults: &Defaults) -> io::Result<Finding> {
    let mut lab = Lab::new(hosts, quantity.rules(), LONGEST).await?;
    let finding = match quantity {
        Q::UserTimeout => user_timeout(&mut lab).await?,
        Q::Keepalive => keepalive(&mut lab).await?,
        Q::TimeWait => time_wait(&mut lab).await?,
        Q::AcceptQueue => accept_queue(&mut lab).await?,
        Q::ReceiveBuffer => receive_buffer(&mut lab).await?,
        _ => ask(quantity, &mut lab).await?,
    };
    let (words, numbers) = by_default(quantity, defaults);
    Ok(finding.and(&words, numbers))
}

/// Says what was shortened, and what it is by default.
fn by_default(quantity: Q, defaults: &Defaults) -> (String, Value) {
    let of = |name: &str| defaults.get(name).map_or("unknown", String::as_str);
    let nothing = (String::new(), Value::Null);
    match (quantity, quantity.patience()) {
        (Q::SynSchedule, Patience { syn_retries: Some(few), .. }) => {
            let (retries, linear) = (of("tcp_syn_retries"), of("tcp_syn_linear_timeouts"));
            let words = format!(
                " (tcp_syn_retries shortened to {few}; it is {retries}, after \
                 tcp_syn_linear_timeouts {linear})"
            );
            (words, json!({ "tcp_syn_retries": retries, "tcp_syn_linear_timeouts": linear }))
        }
        (Q::GivingUp, Patience { data_retries: Some(few), .. }) => {
            let retries = of("tcp_retries2");
            let words = format!(" (tcp_retries2 shortened to {few}; it is {retries})");
            (words, json!({ "tcp_retries2": retries }))
        }
        (Q::Keepalive, _) => {
            let (idle, every, probes) =
                (of("tcp_keepalive_time"), of("tcp_keepalive_intvl"), of("tcp_keepalive_probes"));
            let words =
                format!("; unless told otherwise {idle} s, every {every} s, {probes} times");
            let numbers = json!({
                "tcp_keepalive_time": idle,
                "tcp_keepalive_intvl": every,
                "tcp_keepalive_probes": probes
            });
            (words, numbers)
        }
        (Q::EphemeralPorts, _) => {
            let range = of("ip_local_port_range").split_whitespace().collect::<Vec<_>>().join("..");
            (format!(" (ip_local_port_range {range})"), json!({ "ip_local_port_range": range }))
        }
        _ => nothing,
    }
}

/// A connection whose client's end is a socket as the system has it.
struct Plain {
    client: TcpStream,
    server: <HostNet as crate::net::Net>::Stream,
}

async fn plain(lab: &Lab<KernelHosts>) -> io::Result<Plain> {
    let listener = crate::net::Net::listen(&lab.testbed.at_server()?, lab.server, true)?;
    let net = lab.client();
    let socket = net.socket(Type::STREAM, Protocol::TCP)?;
    socket.set_nonblocking(true)?;
    let client = TcpSocket::from_std_stream(socket.into()).connect(lab.server).await?;
    let (server, _) = listener.accept().await?;
    Ok(Plain { client, server })
}

async fn user_timeout(lab: &mut Lab<KernelHosts>) -> io::Result<Finding> {
    let Plain { mut client, server: _server } = plain(lab).await?;
    SockRef::from(&client).set_tcp_user_timeout(Some(Duration::from_secs(1)))?;
    lab.cut().await?;
    let begun = lab.clock.now();
    write_all(&mut client, REQUEST).await?;
    let ended = lab.within(lab.longest, read(&mut client)).await;
    let (how, took) = times::ending(ended.map(Result::err), lab.clock.now().since(begun));
    Ok(Finding::measured(how, json!({ "given_up_ms": took })))
}

async fn keepalive(lab: &mut Lab<KernelHosts>) -> io::Result<Finding> {
    let Plain { mut client, server: _server } = plain(lab).await?;
    let every = Duration::from_secs(1);
    let probes = TcpKeepalive::new().with_time(every).with_interval(every).with_retries(3);
    SockRef::from(&client).set_tcp_keepalive(&probes)?;
    lab.cut().await?;
    let begun = lab.clock.now();
    let ended = lab.within(lab.longest, read(&mut client)).await;
    let (how, took) = times::ending(ended.map(Result::err), lab.clock.now().since(begun));
    let probes = lab.segments().iter().filter(|one| one.sent >= begun && !one.rst).count();
    let words = format!("{how}, {probes} probes");
    Ok(Finding::measured(words, json!({ "given_up_ms": took, "probes": probes })))
}

/// TIME-WAIT is in the table of sockets, with what is left of it: nobody has to wait for its end.
async fn time_wait(lab: &mut Lab<KernelHosts>) -> io::Result<Finding> {
    let mut pair = lab.acquainted().await?;
    drop(pair.client);
    read(&mut pair.server).await?;
    drop(pair.server);
    let end = lab.clock.now() + LONGEST;
    let left = loop {
        match left_of_time_wait(&lab.testbed.client_table("tcp")) {
            Some(left) => break left,
            None if lab.clock.now() >= end => return Err(io::ErrorKind::TimedOut.into()),
            None => lab.wait(DELAY).await,
        }
    };
    let words = format!("{} are left when it has begun", time(left));
    Ok(Finding::measured(words, json!({ "lasts_ms": ms(left) })))
}

/// Reads the timer of a socket in state 06, `TCP_TIME_WAIT` (`net/tcp_states.h`): which one runs, a
/// colon, and hundredths of a second in hexadecimal.
fn left_of_time_wait(table: &str) -> Option<Duration> {
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let timer = rows.filter(|row| row.get(3) == Some(&"06")).find_map(|row| row.get(5).copied())?;
    let hundredths = u64::from_str_radix(timer.split_once(':')?.1, 16).ok()?;
    Some(Duration::from_millis(hundredths * 10))
}

async fn accept_queue(lab: &mut Lab<KernelHosts>) -> io::Result<Finding> {
    let listener = lab.testbed.at_server()?.socket(Type::STREAM, Protocol::TCP)?;
    listener.bind(&lab.server.into())?;
    listener.listen(1)?;
    let connected = sizes::fill(&lab.client(), lab.server, lab.clock).await;
    Ok(sizes::queued(connected, &lab.trace()))
}

async fn receive_buffer(lab: &mut Lab<KernelHosts>) -> io::Result<Finding> {
    // As the system makes it: our own sockets ask for more room.
    let socket = lab.testbed.at_server()?.socket(Type::DGRAM, Protocol::UDP)?;
    socket.set_nonblocking(true)?;
    socket.bind(&lab.server.into())?;
    let bytes = socket.recv_buffer_size()?;
    let socket = UdpSocket::from_std(socket.into())?;
    let small = datagrams::kept(lab, &socket, datagrams::MANY, datagrams::SMALL).await?;
    let large = datagrams::kept(lab, &socket, datagrams::MANY, datagrams::LARGE).await?;
    let errors = receive_buffer_errors(&lab.testbed.server_table("snmp")).unwrap_or_default();
    let words = format!("; RcvbufErrors {errors}, SO_RCVBUF {bytes}");
    let numbers = json!({ "receive_buffer_errors": errors, "buffer_bytes": bytes });
    Ok(datagrams::buffered(small, large).and(&words, numbers))
}

/// Reads `RcvbufErrors` from `/proc/net/snmp`, where a line of names stands above each line of numbers.
fn receive_buffer_errors(table: &str) -> Option<u64> {
    let mut lines = table.lines().filter(|line| line.starts_with("Udp:"));
    let (names, numbers) = (lines.next()?, lines.next()?);
    let place = names.split_whitespace().position(|name| name == "RcvbufErrors")?;
    numbers.split_whitespace().nth(place)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_time_wait_stands_in_the_table() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n\
            \x20  0: 0100000A:2EE0 0200000A:D2F0 01 00000000:00000000 00:00000000 00000000\n\
            \x20  1: 0100000A:2EE0 0200000A:D2F0 06 00000000:00000000 03:00001764 00000000\n";
        assert_eq!(left_of_time_wait(table), Some(Duration::from_millis(59_880)));
        assert_eq!(left_of_time_wait("header\n"), None);
    }

    #[test]
    fn errors_are_found_by_their_name() {
        let table =
            "Tcp: A RcvbufErrors\nTcp: 1 2\nUdp: InDatagrams NoPorts RcvbufErrors\nUdp: 7 8 9\n";
        assert_eq!(receive_buffer_errors(table), Some(9));
        assert_eq!(receive_buffer_errors(""), None);
    }
}
