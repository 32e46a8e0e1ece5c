//! What Linux tells of sockets and processes in `/proc`.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use crate::testbed::Measured;

/// The tables of the sockets that are on a network; those between programs are in others.
const TABLES: &[&str] = &["tcp", "tcp6", "udp", "udp6"];

/// The state of a TCP socket in these tables: `TCP_TIME_WAIT` in Linux's `net/tcp_states.h`.
const TIME_WAIT: &str = "06";

/// Returns what a process holds.
///
/// # Errors
/// If there is no such process, or no `/proc`.
pub(super) fn measured(tables: &Path, process: u32) -> io::Result<Measured> {
    let folder = format!("/proc/{process}");
    let on_network: BTreeSet<String> = TABLES
        .iter()
        .flat_map(|table| socket_rows(tables, table))
        .filter_map(|row| row.inode)
        .collect();
    let socket = |entry: io::Result<fs::DirEntry>| {
        let target = fs::read_link(entry.ok()?.path()).ok()?;
        let inode = target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned();
        on_network.contains(&inode).then_some(())
    };
    let sockets = fs::read_dir(format!("{folder}/fd"))?.filter_map(socket).count();
    let status = fs::read_to_string(format!("{folder}/status"))?;
    let field = |name: &str| -> Option<usize> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    let memory = field("VmRSS:").map(|kibibytes| kibibytes * 1024);
    Ok(Measured { sockets, threads: field("Threads:"), memory })
}

/// Returns how many connections in TIME-WAIT keep a port; nothing where the system does not tell.
pub(super) fn in_time_wait(tables: &Path, port: u16) -> Option<usize> {
    fs::metadata(tables.join("tcp")).ok()?;
    let rows = ["tcp", "tcp6"].iter().flat_map(|table| socket_rows(tables, table));
    Some(rows.filter(|row| row.port == Some(port) && row.state == TIME_WAIT).count())
}

/// Returns a counter of a network, such as `Udp` and `RcvbufErrors`, from a table in which one line
/// names them and the next counts: `snmp` or `netstat`.
pub(in crate::testbed) fn counter(
    tables: &Path,
    table: &str,
    group: &str,
    name: &str,
) -> Option<u64> {
    let text = fs::read_to_string(tables.join(table)).ok()?;
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(group)?.strip_prefix(": "));
    let place = lines.next()?.split(' ').position(|column| column == name)?;
    lines.next()?.split(' ').nth(place)?.parse().ok()
}

/// One socket.
pub(in crate::testbed) struct SocketRow {
    port: Option<u16>,
    state: String,
    /// Which timer runs, as the kernel counts them.
    timer: String,
    inode: Option<String>,
}

impl SocketRow {
    /// Returns whether TCP will send something without being asked: it repeats what was not
    /// acknowledged, or probes a closed window (timers 1 and 4 in Linux's `net/ipv4/tcp_ipv4.c`).
    pub(in crate::testbed) fn will_send(&self) -> bool {
        matches!(self.timer.as_str(), "01" | "04")
    }
}

/// Reads a table of a network's sockets, such as `tcp`; one that is not there has no rows.
pub(in crate::testbed) fn socket_rows(tables: &Path, table: &str) -> Vec<SocketRow> {
    let text = fs::read_to_string(tables.join(table)).unwrap_or_default();
    text.lines().skip(1).filter_map(row).collect()
}

/// Reads `sl local_address rem_address st queues timer retrnsmt uid timeout inode ...`.
fn row(line: &str) -> Option<SocketRow> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (_, port) = fields.get(1)?.rsplit_once(':')?;
    Some(SocketRow {
        port: u16::from_str_radix(port, 16).ok(),
        state: (*fields.get(3)?).to_owned(),
        timer: fields.get(5)?.split(':').next()?.to_owned(),
        inode: fields.get(9).map(|inode| (*inode).to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_the_table_has_port_state_and_inode() {
        let line = "   1: 0100007F:2EE0 0100007F:D2F0 06 00000000:00000000 03:00001764 00000000 \
                    0 0 0 3 0000000000000000";
        let found = row(line).expect("a row");
        assert_eq!((found.port, found.state.as_str()), (Some(12_000), TIME_WAIT));
        let line = "   0: 0100007F:2EE0 00000000:0000 0A 00000000:00000000 00:00000000 00000000 \
                    1000 0 48213 1 0000000000000000 100 0 0 10 0";
        let found = row(line).expect("a row");
        assert_eq!((found.state.as_str(), found.inode.as_deref()), ("0A", Some("48213")));
        assert!(row("").is_none());
    }
}
