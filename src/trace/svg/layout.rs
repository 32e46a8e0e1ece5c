//! Where the moments of a ladder stand: time runs down, and no two labels share their place.

use std::time::Duration;

use super::axis::{Axis, Gap, span};
use super::canvas::LINE;
use crate::time::Timestamp;

/// The two rails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// Something that happens at a rail.
#[derive(Debug)]
pub(super) struct Moment {
    pub(super) at: Timestamp,
    pub(super) side: Side,
    /// Of the same time, the lowest stands highest.
    pub(super) order: u8,
    /// What is written beside the rail, below the time.
    pub(super) lines: Vec<Said>,
    /// Room between the rails, below the place, that nothing later may take.
    pub(super) room: f64,
    pub(super) what: What,
}

/// A line of text beside a rail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) text: String,
    pub(super) class: &'static str,
}

/// What happens. Packets have their index in the trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Sent(usize),
    Arrived(usize),
    CopyArrived(usize),
    Noted,
}

/// A moment that has its place.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) moment: Moment,
    /// Where its arrow meets the rail, or its first line stands.
    pub(super) y: f64,
}

/// A piece of time that is not drawn to scale.
#[derive(Debug)]
pub(super) struct Fold {
    pub(super) top: f64,
    pub(super) bottom: f64,
    pub(super) text: String,
}

/// A ladder, laid out.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) placed: Vec<Placed>,
    pub(super) folds: Vec<Fold>,
    pub(super) bottom: f64,
}

/// Lays moments out below `top`. `flights` are the times when packets were under way.
pub(super) fn lay_out(
    mut moments: Vec<Moment>,
    flights: &[(Timestamp, Timestamp)],
    top: f64,
) -> Layout {
    moments.sort_by_key(|moment| (moment.at, moment.order));
    let axis = Axis::for_flights(flights.iter().map(|(from, to)| to.since(*from)).collect());
    let mut layout = Layout { placed: Vec::new(), folds: Vec::new(), bottom: top };
    let mut columns = [Column { used: top - LINE, time: None }; 2];
    let mut now: Option<Timestamp> = None;
    let (mut level, mut lowest) = (top, top);
    for mut moment in moments {
        if let Some(before) = now.filter(|before| *before < moment.at) {
            level = layout.pass(&axis, (before, moment.at), flights, lowest);
        }
        now = Some(moment.at);
        let column = &mut columns[moment.side as usize];
        let y = level.max(column.used + LINE + 1.0);
        column.write(&mut moment, y);
        lowest = lowest.max(y);
        layout.bottom = layout.bottom.max(column.used).max(y + moment.room);
        layout.placed.push(Placed { moment, y });
    }
    layout
}

/// What stands beside a rail.
#[derive(Debug, Clone, Copy)]
struct Column {
    /// Down to here there is something.
    used: f64,
    /// The time that was written last.
    time: Option<Timestamp>,
}

impl Column {
    /// Takes the room for a moment at `y`, and has its time written unless it stands there already.
    fn write(&mut self, moment: &mut Moment, y: f64) {
        if self.time != Some(moment.at) {
            self.time = Some(moment.at);
            let time = Said { text: moment.at.to_string(), class: "ladder-quiet" };
            moment.lines.insert(0, time);
        }
        let written = LINE * moment.lines.len().saturating_sub(1) as f64;
        // The label of the next packet must not cover the cross of one that was lost.
        self.used = y + written.max(moment.room / 2.0);
    }
}

impl Layout {
    /// Lets time pass, and returns how far down that leads.
    fn pass(
        &mut self,
        axis: &Axis,
        (before, at): (Timestamp, Timestamp),
        flights: &[(Timestamp, Timestamp)],
        from: f64,
    ) -> f64 {
        let time: Duration = at.since(before);
        match axis.gap(time) {
            Gap::Plain(room) => from + room,
            Gap::Folded(room) => {
                let under_way = flights.iter().any(|(sent, here)| *sent <= before && *here >= at);
                let nothing = if under_way { "" } else { ": nothing" };
                let text = format!("{}{nothing}", span(time));
                // What belongs to the moment before may reach further down.
                let top = from.max(self.bottom);
                self.folds.push(Fold { top, bottom: top + room, text });
                top + room
            }
        }
    }
}
