//! Ladders and plots as a reader sees them. `UPDATE_GOLDEN=1` writes them anew: read the difference.

use std::fs;
use std::path::PathBuf;

use socklab::time::Timestamp;
use socklab::trace::ladder::{Glyphs, ladder};
use socklab::trace::plots::{
    ArrivalSeries, MessageTimes, TimelineEnd, TimelineRow, arrivals_text, timeline_text,
};
use socklab::trace::{Cause, Loss, Trace};

use super::*;

fn compare(name: &str, seen: &str) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/ladder/golden");
    let path = folder.join(format!("{name}.txt"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(&path, seen).expect("a file");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(seen == expected, "{} differs; seen:\n{seen}", path.display());
}

#[test]
fn ladders_are_those_that_were_read_and_found_good() {
    for (name, trace) in many() {
        if !name.starts_with("bad-") {
            compare(&name, &ladder(&trace, Glyphs::Unicode));
        }
    }
}

/// Everything that can become of a packet, in one ladder.
pub(crate) fn fates() -> Trace {
    let mut trace = one(&faulty(&[(Fault::Duplicate, "request:1")]), Transport::Tcp);
    let packets = &mut trace.packets;
    packets[0].arrivals[0].dropped = Some("backlog full");
    for (index, loss) in [(1, Loss::QueueFull), (2, Loss::Cut), (5, Loss::By(Cause::Luck))] {
        packets[index].arrivals.clear();
        packets[index].lost = Some(loss);
    }
    packets[6].held = Some(Cause::Luck);
    let last = packets.len() - 1;
    packets[last].arrivals.clear();
    packets[last - 1].duplicated = Some(Cause::Luck);
    trace
}

#[test]
fn every_fate_has_its_shape() {
    compare("fates", &ladder(&fates(), Glyphs::Unicode));
    compare("fates-ascii", &ladder(&fates(), Glyphs::Ascii));
}

fn times(milliseconds: &[u64]) -> Vec<Timestamp> {
    milliseconds.iter().map(|at| Timestamp::from_millis(*at)).collect()
}

/// Into a wire that is cut: the timers of the TCP stack, and those of our client.
pub(crate) fn black_hole() -> Vec<TimelineRow> {
    let row = |label: &str, sent: &[u64], at, text: &str, answered| TimelineRow {
        label: label.to_owned(),
        sent: times(sent),
        end: Some(TimelineEnd { at: Timestamp::from_millis(at), text: text.to_owned(), answered }),
    };
    vec![
        row("TCP: SYN", &[0, 1_000, 3_000, 7_000], 10_000, "gives up", false),
        row("UDP: REQUEST", &[0, 1_100, 3_300], 7_750, "answered", true),
    ]
}

/// Message 3 is lost: over TCP those behind it wait for it, over UDP it never comes.
pub(crate) fn one_is_lost() -> Vec<ArrivalSeries> {
    let series = |label: &str, arrivals: [&[u64]; 6]| ArrivalSeries {
        label: label.to_owned(),
        messages: (1..)
            .zip(arrivals)
            .map(|(number, handed_over)| MessageTimes {
                number,
                sent: Timestamp::from_millis(number * 100),
                handed_over: times(handed_over),
            })
            .collect(),
    };
    vec![
        series("TCP", [&[125], &[225], &[1_325], &[1_325], &[1_325], &[1_325]]),
        series("UDP, one try", [&[125], &[225], &[], &[425], &[525, 530], &[625]]),
    ]
}

#[test]
fn plots_in_text() {
    compare("timeline", &timeline_text(&black_hole()));
    compare("arrivals", &arrivals_text(&one_is_lost()));
}
