//! The pictures of a comparison: a ladder of each column, and a plot where the question is about
//! times.

use crate::scenario::Plot;
use crate::scenario::log::{Comparison, Run};
use crate::scenario::words::{count, outcome};
use crate::trace::plots::{
    ArrivalSeries, MessageTimes, TimelineEnd, TimelineRow, arrivals_text, timeline_text,
};
use crate::trace::svg;

use super::conditions::conditions;

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// What a file of it is called, without its ending: `loss-udp`.
    pub name: String,
    /// What it shows.
    pub title: String,
    /// The picture.
    pub svg: String,
}

/// Draws everything there is to draw.
pub fn pictures(comparison: &Comparison) -> Vec<Picture> {
    let mut pictures: Vec<Picture> = plot(comparison).into_iter().collect();
    pictures.extend(comparison.runs.iter().filter_map(|run| ladder(comparison, run)));
    pictures
}

/// Draws the packets of one column.
pub fn ladder(comparison: &Comparison, run: &Run) -> Option<Picture> {
    let title = format!("{}: {}", comparison.scenario.name, run.column.title);
    let svg = svg::ladder(run.trace.as_ref()?, &title, &of_column(comparison, run));
    let name = format!("{}-{}", comparison.scenario.name, run.column.key);
    Some(Picture { name, title, svg })
}

/// Draws when packets left, or when messages arrived, where the scenario is about that.
pub fn plot(comparison: &Comparison) -> Option<Picture> {
    let name = comparison.scenario.name;
    let about = description(comparison);
    let seen = comparison.runs.iter().any(|run| run.trace.is_some());
    let (kind, title, svg) = match comparison.scenario.plot {
        Plot::Timeline if seen => {
            let title = format!("{name}: when packets left");
            ("timeline", title.clone(), svg::timeline(&timeline(comparison), &title, &about))
        }
        Plot::Arrivals => {
            let title = format!("{name}: sent, and there");
            ("arrivals", title.clone(), svg::arrivals(&arrivals(comparison), &title, &about))
        }
        Plot::Timeline | Plot::None => return None,
    };
    Some(Picture { name: format!("{name}-{kind}"), title, svg })
}

/// Draws the same plot in text.
pub fn plot_text(comparison: &Comparison) -> Option<String> {
    let seen = comparison.runs.iter().any(|run| run.trace.is_some());
    match comparison.scenario.plot {
        Plot::Timeline if seen => Some(timeline_text(&timeline(comparison))),
        Plot::Arrivals => Some(arrivals_text(&arrivals(comparison))),
        Plot::Timeline | Plot::None => None,
    }
}

/// What a screen reader says of one column: the conditions, and what became of packets and sums.
fn of_column(comparison: &Comparison, run: &Run) -> String {
    let metrics = run.metrics();
    let packets = metrics.packets_c2s.unwrap_or(0) + metrics.packets_s2c.unwrap_or(0);
    let sums = match metrics.agreed {
        Some(agreed) => format!("; {agreed} of {} sums agree", metrics.exchanges),
        None => String::new(),
    };
    format!(
        "{}. {}: {} sent, {} lost, {} sent again by {}. The server executed {}{sums}.",
        conditions(comparison),
        run.column.title,
        count(packets, "packet"),
        metrics.packets_lost.unwrap_or(0),
        metrics.retransmissions.unwrap_or(0),
        metrics.retransmitted_by,
        count(metrics.executions.unwrap_or_default(), "request"),
    )
}

/// What a screen reader says: the conditions, and what happened.
fn description(comparison: &Comparison) -> String {
    format!("{}. {}", conditions(comparison), (comparison.scenario.explain)(comparison))
}

fn timeline(comparison: &Comparison) -> Vec<TimelineRow> {
    let row = |run: &Run| {
        let one = run.telling_exchange()?;
        let end = TimelineEnd { at: one.ended, text: outcome(one), answered: one.is_replied() };
        Some(TimelineRow {
            label: run.column.title.to_owned(),
            sent: run.left_during(one).into_iter().map(|(at, _)| at).collect(),
            end: Some(end),
        })
    };
    comparison.runs.iter().filter_map(row).collect()
}

fn arrivals(comparison: &Comparison) -> Vec<ArrivalSeries> {
    let series = |run: &Run| {
        let message = |(place, one): (u64, &crate::scenario::log::ExchangeLog)| {
            let executed = run.executed().filter(|(_, number)| *number == one.number);
            let handed_over = executed.map(|(at, _)| at).collect();
            MessageTimes { number: place, sent: one.asked, handed_over }
        };
        let mut asked: Vec<_> = run.exchanges().collect();
        asked.sort_by_key(|one| one.asked);
        ArrivalSeries {
            label: run.column.title.to_owned(),
            messages: (1..).zip(asked).map(message).collect(),
        }
    };
    comparison.runs.iter().map(series).collect()
}
