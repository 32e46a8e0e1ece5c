//! What is known of a server's life, kept outside of it, and a service that owes nothing to the
//! server's own transcript.

use std::sync::{Arc, Mutex, MutexGuard};

use socklab::peer::Peer;
use socklab::protocol::event::Event;
use socklab::server::Listening;
use socklab::service::content::{Content, Piece};
use socklab::service::{Caller, Greeting, GuestId, Next, Reply, Service, Sessions};
use socklab::time::Timestamp;

use crate::story::{End, Execution, Life, SessionCall};

/// What is known of a life. A dead process writes no more: its tasks wait for ever on sockets that
/// are gone, and what their timers make them do is done by nobody.
#[derive(Debug)]
pub(crate) struct Log(Mutex<(Life, bool)>);

impl Log {
    pub(crate) fn new(life: Life) -> Self {
        Log(Mutex::new((life, false)))
    }

    /// Returns the life, and whether all that was its own is gone.
    pub(crate) fn lock(&self) -> MutexGuard<'_, (Life, bool)> {
        self.0.lock().expect("no panic")
    }

    pub(crate) fn end(&self, at: Timestamp, how: End) {
        let life = &mut self.lock().0;
        life.ended = life.ended.or(Some((at, how)));
    }

    fn session(&self, call: SessionCall) {
        let life = &mut self.lock().0;
        if life.ended.is_none() {
            life.sessions.push(call);
        }
    }
}

impl Listening for Log {
    fn event(&self, at: Timestamp, event: Event) {
        let life = &mut self.lock().0;
        if life.ended.is_none() {
            life.events.push((at, event));
        }
    }

    fn trouble(&self, _at: Timestamp, text: String) {
        self.lock().0.trouble.push(text);
    }
}

/// A service, with a log of what it does.
pub(crate) struct Recorded {
    pub(crate) inner: Box<dyn Service>,
    pub(crate) log: Arc<Log>,
}

impl Service for Recorded {
    fn is_sensitive(&self, caller: Caller, request: &str) -> bool {
        self.inner.is_sensitive(caller, request)
    }

    fn handle(
        &mut self,
        caller: Caller,
        request: &str,
        at: Timestamp,
        reply: &mut Reply<'_>,
    ) -> Next {
        if self.log.lock().0.ended.is_some() {
            return Next::Close;
        }
        let next = self.inner.handle(caller, request, at, reply);
        let answer = String::from_utf8_lossy(reply.as_bytes()).into_owned();
        let life = &mut self.log.lock().0;
        if let Some(content) = reply.content.take() {
            let (log, execution) = (self.log.clone(), life.executions.len());
            reply.content = Some(Box::new(FirstLine { content, log, execution, known: false }));
        }
        let Caller { peer, guest } = caller;
        let (request, sessions) = (request.to_owned(), life.sessions.len());
        life.executions.push(Execution { at, peer, guest, sessions, request, reply: answer, next });
        next
    }

    fn sessions(&mut self) -> Option<&mut dyn Sessions> {
        match self.inner.sessions() {
            Some(_) => Some(self),
            None => None,
        }
    }
}

impl Sessions for Recorded {
    fn open(&mut self, peer: Peer, now: Timestamp) -> Result<Greeting, String> {
        let sessions = self.inner.sessions().expect("it has sessions");
        let opened = sessions.open(peer, now);
        self.log.session(match &opened {
            Ok(greeting) => SessionCall::Opened(greeting.guest),
            Err(_) => SessionCall::Full,
        });
        opened
    }

    fn close(&mut self, guest: GuestId, now: Timestamp) {
        self.log.session(SessionCall::Closed(guest));
        if let Some(sessions) = self.inner.sessions() {
            sessions.close(guest, now);
        }
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        if let Ok(mut log) = self.log.0.lock() {
            log.1 = true;
        }
    }
}

/// A content whose first line becomes known as it is read.
#[derive(Debug)]
struct FirstLine {
    content: Box<dyn Content>,
    log: Arc<Log>,
    execution: usize,
    known: bool,
}

impl Content for FirstLine {
    fn read(&mut self, room: usize, out: &mut Vec<u8>) -> Piece {
        let start = out.len();
        let piece = self.content.read(room, out);
        if !std::mem::replace(&mut self.known, true) {
            let line = out[start..].split(|byte| *byte == b'\n').next().unwrap_or_default();
            let line = String::from_utf8_lossy(line).into_owned();
            self.log.lock().0.executions[self.execution].reply = line;
        }
        piece
    }
}
