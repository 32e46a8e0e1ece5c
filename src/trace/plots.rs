//! Two plots: when something was sent again and again, and when messages were handed over. Here they
//! are text for a terminal; `svg` has the pictures.

use crate::time::Timestamp;

/// Columns of a terminal that nobody has changed.
const WIDTH: usize = 80;

/// One line of a retransmission timeline: what one sender sent in one exchange.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TimelineRow {
    /// Whose: `TCP: SYN`.
    pub label: String,
    /// When it was sent, each time.
    pub sent: Vec<Timestamp>,
    /// How it ended, if it did.
    pub end: Option<TimelineEnd>,
}

/// How something ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineEnd {
    /// When.
    pub at: Timestamp,
    /// In a few words: `gives up, exit 4`.
    pub text: String,
    /// Whether it was answered.
    pub answered: bool,
}

/// The messages of one column of a comparison, for the plot of their arrivals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArrivalSeries {
    /// Whose: `TCP`.
    pub label: String,
    /// The messages.
    pub messages: Vec<MessageTimes>,
}

/// When a message was sent, and when it was handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageTimes {
    /// Which message, from 1.
    pub number: u64,
    /// When the program sent it.
    pub sent: Timestamp,
    /// When the program at the other end got it, each time; never, if it did not.
    pub handed_over: Vec<Timestamp>,
}

/// Draws a retransmission timeline in at most 80 columns of ASCII: `o` is sent, `*` answered, `x` the
/// end without an answer.
pub fn timeline_text(rows: &[TimelineRow]) -> String {
    let last = last_of_timeline(rows);
    let scale = Scale { columns: WIDTH - 4, last };
    let mut out = String::new();
    for row in rows {
        let mut line = scale.empty();
        for sent in &row.sent {
            line[scale.column(*sent)] = 'o';
        }
        let mut end = String::new();
        if let Some(TimelineEnd { at, text, answered }) = &row.end {
            line[scale.column(*at)] = if *answered { '*' } else { 'x' };
            end = format!("; {text} at {} s", short_seconds(*at));
        }
        out.push_str(&clipped(&format!("{}, sent at {}{end}", row.label, times(row))));
        out.push_str(&format!("  |{}|\n", line.iter().collect::<String>()));
    }
    out + &scale.feet(3)
}

/// Draws arrivals in at most 80 columns of ASCII: `o` is sent, `*` handed over, `x` never.
pub fn arrivals_text(series: &[ArrivalSeries]) -> String {
    let last = last_of_arrivals(series);
    let scale = Scale { columns: WIDTH - 10, last };
    let mut out = String::new();
    for one in series {
        out.push_str(&clipped(&one.label));
        for message in &one.messages {
            let line: String = scale.message(message).iter().collect();
            out.push_str(&format!("{:>7} |{line}|\n", message.number));
        }
    }
    out + &scale.feet(9)
}

/// Returns the end of the time that a timeline shows.
pub(super) fn last_of_timeline(rows: &[TimelineRow]) -> Timestamp {
    let sent = rows.iter().flat_map(|row| row.sent.iter().copied());
    let ends = rows.iter().filter_map(|row| row.end.as_ref()).map(|end| end.at);
    sent.chain(ends).max().unwrap_or_default()
}

/// Returns the end of the time that a plot of arrivals shows.
pub(super) fn last_of_arrivals(series: &[ArrivalSeries]) -> Timestamp {
    let messages = series.iter().flat_map(|one| &one.messages);
    let times = messages.flat_map(|one| one.handed_over.iter().copied().chain([one.sent]));
    times.max().unwrap_or_default()
}

/// Writes when a row's sender sent: `0, 1, 3, 7 s`.
pub(super) fn times(row: &TimelineRow) -> String {
    let first = row.sent.iter().take(FEW_TIMES).map(|at| short_seconds(*at));
    let first = first.collect::<Vec<_>>().join(", ");
    match row.sent.len() {
        0 => "no time".to_owned(),
        all if all > FEW_TIMES => format!("{first} s, and so on: {all} times"),
        _ => format!("{first} s"),
    }
}

/// More times than these only count: they must fit a line, with the end.
const FEW_TIMES: usize = 5;

/// Writes seconds with at most three decimals: `1.1`, `10`.
pub(super) fn short_seconds(at: Timestamp) -> String {
    let text = at.to_string();
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn clipped(text: &str) -> String {
    text.chars().take(WIDTH).chain(['\n']).collect()
}

/// A linear axis of time in columns.
struct Scale {
    columns: usize,
    last: Timestamp,
}

impl Scale {
    fn empty(&self) -> Vec<char> {
        vec![' '; self.columns]
    }

    fn column(&self, at: Timestamp) -> usize {
        let all = u128::from(self.last.as_micros().max(1));
        let here = u128::from(at.as_micros()) * (self.columns as u128 - 1) + all / 2;
        usize::try_from(here / all).unwrap_or_default().min(self.columns - 1)
    }

    fn message(&self, message: &MessageTimes) -> Vec<char> {
        let mut line = self.empty();
        let sent = self.column(message.sent);
        let last = message.handed_over.iter().map(|at| self.column(*at)).max();
        // The cross stands beside the sign for "sent", on either side.
        let lost = if sent + 1 < self.columns { sent + 1 } else { sent - 1 };
        line[sent.min(last.unwrap_or(sent))..=sent.max(last.unwrap_or(sent))].fill('-');
        line[sent] = 'o';
        match last {
            Some(_) => message.handed_over.iter().for_each(|at| line[self.column(*at)] = '*'),
            None => line[lost] = 'x',
        }
        line
    }

    /// Writes the axis: its beginning and its end.
    fn feet(&self, indent: usize) -> String {
        let end = format!("{} s", short_seconds(self.last));
        let room = self.columns - 1;
        format!("{:indent$}0{end:>room$}\n", "")
    }
}
