//! Who is in a chat, and who was.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;

use crate::service::{Greeting, GuestId};
use crate::time::{Calendar, Timestamp};

/// Sessions that have ended and are remembered for `status all`: more than a class has in a day.
const MAX_HISTORY: usize = 1000;

/// Longest answer to `status`, in bytes: as long as a message may be by default.
const MAX_STATUS: usize = 1176;

/// Room for `; and N more`, whatever the number.
const AND_MORE: usize = "; and 18446744073709551615 more".len();

/// Everybody who ever came, as far as it is remembered.
#[derive(Debug, Default)]
pub(super) struct Guests {
    welcomed: u64, // ever
    /// Who is here, in the order of coming.
    here: BTreeMap<GuestId, Guest>,
    /// Who was here, the last to leave in front.
    history: VecDeque<Guest>,
    forgotten: u64, // those who have left the history, too
}

/// One session.
#[derive(Debug)]
struct Guest {
    name: String,
    came: Timestamp,
    left: Option<Timestamp>,
}

impl Guests {
    /// Returns how many are here.
    pub(super) fn here(&self) -> usize {
        self.here.len()
    }

    /// Returns the name of one who is here.
    pub(super) fn name(&self, guest: GuestId) -> Option<&str> {
        self.here.get(&guest).map(|guest| guest.name.as_str())
    }

    /// Lets one in, under a name that nobody had before.
    pub(super) fn welcome(&mut self, now: Timestamp) -> Greeting {
        self.welcomed += 1;
        let name = format!("Client{:02}", self.welcomed);
        let guest = GuestId(self.welcomed);
        self.here.insert(guest, Guest { name: name.clone(), came: now, left: None });
        Greeting { guest, name }
    }

    /// Takes note that one has left, unless that is known.
    pub(super) fn farewell(&mut self, guest: GuestId, now: Timestamp) {
        let Some(guest) = self.here.remove(&guest) else { return };
        self.history.push_front(Guest { left: Some(now), ..guest });
        if self.history.len() > MAX_HISTORY {
            self.history.pop_back();
            self.forgotten += 1;
        }
    }

    /// Says who is here, and with the `history` who was: as many as an answer holds, the others are
    /// counted.
    pub(super) fn status(&self, history: bool, calendar: &Calendar) -> String {
        let departed = self.history.iter().filter(|_| history);
        let known: Vec<&Guest> = self.here.values().chain(departed).collect();
        let older = match history && self.forgotten > 0 {
            true => format!("; {} older ones are not kept", self.forgotten),
            false => String::new(),
        };
        let room = MAX_STATUS - AND_MORE - older.len();
        let mut text = String::new();
        for (index, guest) in known.iter().enumerate() {
            let described = guest.described(calendar);
            let separator = if index == 0 { "" } else { "; " };
            if text.len() + separator.len() + described.len() > room {
                // Writing to a string does not fail.
                let _ = write!(text, "; and {} more", known.len() - index);
                break;
            }
            text.push_str(separator);
            text.push_str(&described);
        }
        text + &older
    }
}

impl Guest {
    fn described(&self, calendar: &Calendar) -> String {
        let mut text = format!("{} connected at {}", self.name, calendar.write(self.came));
        if let Some(left) = self.left {
            let _ = write!(text, ", left at {}", calendar.write(left));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::protocol::parameters::MAX_MESSAGE;

    const START: Timestamp = Timestamp::ZERO;

    fn calendar() -> Calendar {
        // 2025-02-08 20:00:00 UTC
        Calendar::from(SystemTime::UNIX_EPOCH + Duration::from_secs(1_739_044_800))
    }

    #[test]
    fn names_count_up_and_are_never_used_again() {
        let mut guests = Guests::default();
        let mut names = Vec::new();
        for _ in 0..101 {
            let greeting = guests.welcome(START);
            guests.farewell(greeting.guest, START);
            names.push(greeting.name);
        }
        assert_eq!(names[..2], ["Client01", "Client02"]);
        assert_eq!(names[99..], ["Client100", "Client101"]);
    }

    #[test]
    fn status_says_who_is_here_and_status_all_also_who_was() {
        let mut guests = Guests::default();
        let first = guests.welcome(START).guest;
        guests.welcome(Timestamp::from_micros(610_439_015));
        let later = Timestamp::from_micros(610_439_016);
        guests.welcome(later);
        guests.farewell(first, later);
        let here = "Client02 connected at 2025-02-08 20:10:10.439015 UTC; \
                    Client03 connected at 2025-02-08 20:10:10.439016 UTC";
        assert_eq!(guests.status(false, &calendar()), here);
        let was = "Client01 connected at 2025-02-08 20:00:00.000000 UTC, \
                   left at 2025-02-08 20:10:10.439016 UTC";
        assert_eq!(guests.status(true, &calendar()), format!("{here}; {was}"));
    }

    #[test]
    fn a_long_status_says_how_many_it_leaves_out() {
        let mut guests = Guests::default();
        for _ in 0..1024 {
            guests.welcome(START);
        }
        let status = guests.status(false, &calendar());
        let shown = status.matches(" connected at ").count();
        assert!(status.ends_with(&format!("; and {} more", 1024 - shown)), "{status}");
        assert!((1_050..=MAX_MESSAGE).contains(&status.len()), "{}", status.len());
        assert_eq!(guests.status(true, &calendar()), status);
    }

    #[test]
    fn the_history_is_bounded_and_says_so() {
        let mut guests = Guests::default();
        guests.welcome(START);
        for _ in 0..MAX_HISTORY + 20 {
            let guest = guests.welcome(START).guest;
            guests.farewell(guest, START);
        }
        assert_eq!(guests.history.len(), MAX_HISTORY);
        let status = guests.status(true, &calendar());
        // The last to leave comes first, behind who is here.
        let second = status.split("; ").nth(1).expect("two");
        assert!(second.starts_with("Client1021 connected at "), "{status}");
        let shown = status.matches(" left at ").count();
        let end = format!("; and {} more; 20 older ones are not kept", MAX_HISTORY - shown);
        assert!(status.ends_with(&end), "{status}");
        assert!((1_000..=MAX_MESSAGE).contains(&status.len()), "{}", status.len());
    }

    #[test]
    fn a_status_fits_the_longest_message() {
        assert_eq!(MAX_STATUS, MAX_MESSAGE);
    }
}
