//! What the words of a client mean in a chat.

use crate::service::files::GetRequest;

/// What a client wants. These words are reserved: no file of such a name is meant.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command<'a> {
    /// `exit`
    Exit,
    /// `status`, or `status all`
    Status { history: bool },
    /// `list`, or `list FROM`
    List(usize),
    /// `get NAME`
    Get(GetRequest<'a>),
    /// Anything else
    Text(&'a str),
}

impl<'a> Command<'a> {
    /// Reads a request; spaces around a command do not matter.
    ///
    /// # Errors
    /// If it begins as a request for files and is none; the words follow `ERR ` on the wire.
    pub(super) fn read(request: &'a str) -> Result<Self, &'static str> {
        let (word, rest) = match request.trim().split_once(' ') {
            Some((word, rest)) => (word, rest.trim()),
            None => (request.trim(), ""),
        };
        match (word, rest) {
            ("exit", "") => Ok(Command::Exit),
            ("status", "") => Ok(Command::Status { history: false }),
            ("status", "all") => Ok(Command::Status { history: true }),
            ("list", "") => Ok(Command::List(0)),
            ("list", first) => match first.parse() {
                Ok(first) => Ok(Command::List(first)),
                Err(_) => Err("that is no place in the list: try list, or list 10"),
            },
            ("get", _) => match GetRequest::parse(request.trim()) {
                Some(request) => Ok(Command::Get(request)),
                None => Err("which file? Try get NAME, or list"),
            },
            _ => Ok(Command::Text(request)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get<'a>(name: &'a str, offset: u64) -> Result<Command<'a>, &'static str> {
        Ok(Command::Get(GetRequest { name, offset, version: None }))
    }

    #[test]
    fn commands_are_recognised_also_between_spaces() {
        assert_eq!(Command::read("exit"), Ok(Command::Exit));
        assert_eq!(Command::read(" exit "), Ok(Command::Exit));
        assert_eq!(Command::read("status"), Ok(Command::Status { history: false }));
        assert_eq!(Command::read("status  all"), Ok(Command::Status { history: true }));
        assert_eq!(Command::read("list"), Ok(Command::List(0)));
        assert_eq!(Command::read("list 20"), Ok(Command::List(20)));
        assert_eq!(Command::read("get notes.txt"), get("notes.txt", 0));
        assert_eq!(Command::read(" get my notes 7 "), get("my notes", 7));
    }

    #[test]
    fn what_only_resembles_a_command_is_a_text() {
        for text in ["", "exit now", "Exit", "status quo", "listen", "getting on", "all"] {
            assert_eq!(Command::read(text), Ok(Command::Text(text)));
        }
    }

    #[test]
    fn malformed_requests_for_files_are_errors_with_advice() {
        for request in ["get", "get ", "list all", "list -1", "list 99999999999999999999999"] {
            let error = Command::read(request).expect_err(request);
            assert!(error.contains("ry "), "{request}: {error}");
        }
    }
}
