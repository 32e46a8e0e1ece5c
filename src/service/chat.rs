//! A chat with a server that knows its clients by name: each text is acknowledged, `status` says who
//! is here, `list` and `get` reach the server's files, `exit` ends the session.

mod command;
mod guests;

use command::Command;
use guests::Guests;

use super::content::Content;
use super::files::Repository;
use super::{Caller, Greeting, GuestId, Next, Reply, Service, Sessions};
use crate::peer::Peer;
use crate::time::{Calendar, Timestamp};

/// Sessions at once, unless told otherwise.
pub const MAX_GUESTS: usize = 3;

/// Longest name of a file in common file systems, in bytes; a longer text names none.
const MAX_FILE_NAME: usize = 255;

/// The `chat` service.
#[derive(Debug)]
pub struct ChatService {
    calendar: Calendar,
    max_guests: usize,
    repository: Option<Box<dyn Repository>>,
    guests: Guests,
}

impl ChatService {
    /// A chat without guests.
    pub fn new(
        calendar: Calendar,
        max_guests: usize,
        repository: Option<Box<dyn Repository>>,
    ) -> Self {
        ChatService { calendar, max_guests, repository, guests: Guests::default() }
    }

    fn ask_repository(
        &self,
        reply: &mut Reply<'_>,
        ask: impl FnOnce(&dyn Repository) -> Box<dyn Content>,
    ) {
        match &self.repository {
            Some(repository) => reply.content = Some(ask(&**repository)),
            None => reply.push_str("ERR no files here: start the server with --files DIR"),
        }
    }

    /// A text is acknowledged, unless there is a file of that name.
    fn acknowledge(&self, text: &str, reply: &mut Reply<'_>) {
        match &self.repository {
            Some(repository) if may_name_a_file(text) => {
                reply.content = Some(repository.get_or_say(text, format!("{text}ACK")));
            }
            _ => {
                reply.push_str(text);
                reply.push_str("ACK");
            }
        }
    }

    fn say_goodbye(&self, caller: Caller, reply: &mut Reply<'_>) {
        reply.push_str("Goodbye");
        if let Some(name) = caller.guest.and_then(|guest| self.guests.name(guest)) {
            reply.push_str(", ");
            reply.push_str(name);
        }
    }
}

impl Service for ChatService {
    fn is_sensitive(&self, _caller: Caller, request: &str) -> bool {
        matches!(Command::read(request), Ok(Command::List(_) | Command::Get(_)))
    }

    fn handle(
        &mut self,
        caller: Caller,
        request: &str,
        _now: Timestamp,
        reply: &mut Reply<'_>,
    ) -> Next {
        match Command::read(request) {
            Ok(Command::Exit) => {
                self.say_goodbye(caller, reply);
                return Next::Leave;
            }
            Ok(Command::Status { history }) => {
                reply.push_str(&self.guests.status(history, &self.calendar));
            }
            Ok(Command::List(first)) => self.ask_repository(reply, |files| files.list(first)),
            Ok(Command::Get(request)) => self.ask_repository(reply, |files| files.get(&request)),
            Ok(Command::Text(text)) => self.acknowledge(text, reply),
            Err(reason) => {
                reply.push_str("ERR ");
                reply.push_str(reason);
            }
        }
        Next::Continue
    }

    fn sessions(&mut self) -> Option<&mut dyn Sessions> {
        Some(self)
    }
}

impl Sessions for ChatService {
    fn open(&mut self, _peer: Peer, now: Timestamp) -> Result<Greeting, String> {
        if self.guests.here() >= self.max_guests {
            return Err(format!("server full ({} clients)", self.max_guests));
        }
        Ok(self.guests.welcome(now))
    }

    fn close(&mut self, guest: GuestId, now: Timestamp) {
        self.guests.farewell(guest, now);
    }
}

fn may_name_a_file(text: &str) -> bool {
    (1..=MAX_FILE_NAME).contains(&text.len()) && !text.contains(['/', '\0'])
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::protocol::parameters::MAX_MESSAGE;
    use crate::service::content::Piece;
    use crate::service::files::GetRequest;

    /// A repository that holds `notes.txt`, and says as a line what it was asked for.
    #[derive(Debug)]
    struct Files;

    #[derive(Debug)]
    struct Line(String);

    impl Content for Line {
        fn read(&mut self, _room: usize, out: &mut Vec<u8>) -> Piece {
            out.extend_from_slice(self.0.as_bytes());
            Piece::Line
        }
    }

    impl Repository for Files {
        fn list(&self, first: usize) -> Box<dyn Content> {
            Box::new(Line(format!("names from {first}")))
        }

        fn get(&self, request: &GetRequest<'_>) -> Box<dyn Content> {
            Box::new(Line(request.format()))
        }

        fn get_or_say(&self, name: &str, otherwise: String) -> Box<dyn Content> {
            Box::new(Line(if name == "notes.txt" { "get notes.txt 0".into() } else { otherwise }))
        }
    }

    fn peer() -> Peer {
        Peer::udp("192.0.2.7:5000".parse().expect("an address"))
    }

    /// A chat in which no time passes.
    struct Chat {
        service: ChatService,
    }

    impl Chat {
        fn new(max_guests: usize) -> Self {
            Chat::with(max_guests, None)
        }

        fn with(max_guests: usize, repository: Option<Box<dyn Repository>>) -> Self {
            let calendar = Calendar::from(SystemTime::UNIX_EPOCH);
            Chat { service: ChatService::new(calendar, max_guests, repository) }
        }

        fn joins(&mut self) -> Result<GuestId, String> {
            self.service.open(peer(), Timestamp::ZERO).map(|greeting| greeting.guest)
        }

        fn leaves(&mut self, guest: GuestId) {
            self.service.close(guest, Timestamp::ZERO);
        }

        fn says(&mut self, guest: GuestId, request: &str) -> (String, Next) {
            let caller = Caller { peer: peer(), guest: Some(guest) };
            let mut bytes = Vec::new();
            let mut reply = Reply::new(&mut bytes);
            let next = self.service.handle(caller, request, Timestamp::ZERO, &mut reply);
            if let Some(mut content) = reply.content.take() {
                assert_eq!(content.read(MAX_MESSAGE, &mut bytes), Piece::Line);
            }
            (String::from_utf8(bytes).expect("text"), next)
        }

        fn hears(&mut self, guest: GuestId, request: &str) -> String {
            let (reply, next) = self.says(guest, request);
            assert_eq!(next, Next::Continue, "{request:?}");
            reply
        }
    }

    #[test]
    fn the_fourth_is_turned_away_until_one_has_left() {
        let mut chat = Chat::new(MAX_GUESTS);
        let guests: Vec<_> = (0..3).map(|_| chat.joins().expect("room")).collect();
        assert_eq!(chat.joins(), Err("server full (3 clients)".to_owned()));
        chat.leaves(guests[1]);
        // Taking note of it twice frees one place.
        chat.leaves(guests[1]);
        assert_eq!(chat.joins(), Ok(GuestId(4)));
        assert!(chat.joins().is_err());
    }

    #[test]
    fn a_text_is_acknowledged_without_a_space() {
        let mut chat = Chat::new(1);
        let guest = chat.joins().expect("room");
        for text in ["hello world", "", " spaces ", "exit now", "status quo", "Exit", "getting on"]
        {
            assert_eq!(chat.hears(guest, text), format!("{text}ACK"));
        }
    }

    #[test]
    fn exit_is_answered_and_ends_the_session() {
        let mut chat = Chat::new(2);
        let guests = [chat.joins().expect("room"), chat.joins().expect("room")];
        let goodbye = ("Goodbye, Client02".to_owned(), Next::Leave);
        assert_eq!(chat.says(guests[1], "exit"), goodbye);
        assert_eq!(chat.says(guests[1], " exit "), goodbye);
    }

    #[test]
    fn status_names_the_one_who_asks_and_the_others() {
        let mut chat = Chat::new(2);
        let first = chat.joins().expect("room");
        let second = chat.joins().expect("room");
        let client =
            |number| format!("Client0{number} connected at 1970-01-01 00:00:00.000000 UTC");
        assert_eq!(chat.hears(first, "status"), format!("{}; {}", client(1), client(2)));
        chat.leaves(second);
        assert_eq!(chat.hears(first, "status"), client(1));
        let left = format!("{}, left at 1970-01-01 00:00:00.000000 UTC", client(2));
        assert_eq!(chat.hears(first, "status all"), format!("{}; {left}", client(1)));
    }

    #[test]
    fn files_are_asked_of_the_repository() {
        let mut chat = Chat::with(1, Some(Box::new(Files)));
        let guest = chat.joins().expect("room");
        for (request, expected) in [
            ("list", "names from 0"),
            ("list 20", "names from 20"),
            ("get notes.txt", "get notes.txt 0"),
            ("get my notes 7", "get my notes 7"),
            ("notes.txt", "get notes.txt 0"),
            ("hello", "helloACK"),
            ("", "ACK"),
            ("status/all", "status/allACK"),
            ("get", "ERR which file? Try get NAME, or list"),
        ] {
            assert_eq!(chat.hears(guest, request), expected);
        }
    }

    #[test]
    fn without_a_repository_a_name_is_a_text_and_files_are_refused() {
        let mut chat = Chat::new(1);
        let guest = chat.joins().expect("room");
        assert_eq!(chat.hears(guest, "notes.txt"), "notes.txtACK");
        for request in ["list", "get notes.txt"] {
            let expected = "ERR no files here: start the server with --files DIR";
            assert_eq!(chat.hears(guest, request), expected);
        }
    }

    #[test]
    fn what_reads_files_needs_a_proven_address() {
        let chat = Chat::new(1);
        for request in ["list", "list 5", "get a", " get a 0 "] {
            assert!(chat.service.is_sensitive(peer().into(), request), "{request}");
        }
        for request in ["hello", "status", "exit", "listen", "get", "list all"] {
            assert!(!chat.service.is_sensitive(peer().into(), request), "{request}");
        }
    }
}
