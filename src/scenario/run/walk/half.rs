//! A client that sends half a question, and the other half much later: over TCP a server must wait
//! for it, over UDP there is no such thing.

use std::future::poll_fn;
use std::io;

use super::{Client, Pending};
use crate::client::ending_of;
use crate::net::{Net, Received, Stream};
use crate::peer::Transport;
use crate::protocol::{Closing, Ending};
use crate::scenario::log::ExchangeLog;
use crate::time::Timestamp;

/// A question of which only the first half was sent.
pub(super) struct Half<N: Net> {
    number: i64,
    asked: Timestamp,
    /// Where the half went; over UDP nowhere.
    stream: Option<N::Stream>,
}

impl<N: Net> Client<N> {
    /// Sends the first half of a question.
    pub(super) async fn half(&mut self, number: i64) -> io::Result<()> {
        let asked = self.around.clock.now();
        let stream = match self.around.config.transport {
            Transport::Udp => {
                self.remark("half a question: a datagram has no halves, nothing is sent");
                None
            }
            Transport::Tcp => match self.connected(self.deadline()).await? {
                Ok(mut stream) => {
                    self.log.opened += 1;
                    self.log.opening.push(self.around.clock.now().since(asked));
                    // If the connection is gone already, the other half will meet it.
                    let _ = write_all(&mut stream, format!("{};", self.name).as_bytes()).await;
                    self.remark("sends half a question");
                    Some(stream)
                }
                Err(ending) => {
                    self.not_begun(number, None, asked, ending);
                    return Ok(());
                }
            },
        };
        self.half = Some(Half { number, asked, stream });
        Ok(())
    }

    /// Connects before `deadline`; if that fails for a reason that ends an exchange, returns the
    /// ending.
    async fn connected(
        &mut self,
        deadline: Option<Timestamp>,
    ) -> io::Result<Result<N::Stream, Ending>> {
        let clock = self.around.clock;
        let connected = tokio::select! {
            biased;
            connected = self.net.connect(self.around.server) => connected,
            () = clock.sleep_until(deadline.unwrap_or_default()) => {
                return Ok(Err(Ending::TimedOut));
            }
        };
        match connected {
            Ok(stream) => Ok(Ok(stream)),
            Err(error) => ending_of(&error).map(Err).ok_or(error),
        }
    }

    /// Sends the other half, and waits for the answer.
    pub(super) async fn other_half(&mut self) -> io::Result<()> {
        let Some(Half { number, asked, stream }) = self.half.take() else { return Ok(()) };
        let Some(mut stream) = stream else {
            return self.ask(number, 0).await;
        };
        self.remark("sends the other half");
        let mut pending = Pending::new(number, None, asked);
        pending.sent.push(self.around.clock.now());
        self.around.note(|board| board.sent += 1);
        let sent = write_all(&mut stream, format!("{number}\n").as_bytes()).await;
        let clock = self.around.clock;
        let deadline = self.deadline().unwrap_or_default();
        let ending = match sent {
            Err(_) => Ending::BrokenOff(Closing::Reset),
            Ok(()) => tokio::select! {
                biased;
                line = read_line(&mut stream) => line,
                () = clock.sleep_until(deadline) => Ending::TimedOut,
            },
        };
        self.remark(pending.end_in_words(&ending));
        let still_waiting = self.still_waits(&pending, &ending);
        let log = pending.end(clock.now(), ending);
        self.log.exchanges.push(ExchangeLog { still_waiting, ..log });
        Ok(())
    }
}

async fn write_all<S: Stream>(stream: &mut S, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = poll_fn(|cx| stream.poll_write(cx, bytes)).await?;
        bytes = &bytes[count..];
    }
    Ok(())
}

/// Reads a line; how the stream ended if it did before.
async fn read_line<S: Stream>(stream: &mut S) -> Ending {
    let (mut line, mut buffer) = (Vec::new(), [0; 1024]);
    loop {
        match poll_fn(|cx| stream.poll_read(cx, &mut buffer)).await {
            Ok(Received::Bytes(count)) => line.extend_from_slice(&buffer[..count]),
            Ok(Received::EndOfStream) => return Ending::BrokenOff(Closing::EndOfStream),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Ending::BrokenOff(Closing::GaveUp);
            }
            Err(_) => return Ending::BrokenOff(Closing::Reset),
        }
        if let Some(end) = memchr::memchr(b'\n', &line) {
            let text = String::from_utf8_lossy(&line[..end]).into_owned();
            return match text.strip_prefix("BUSY ") {
                Some(reason) => Ending::Busy(reason.to_owned()),
                None => Ending::Replied(text),
            };
        }
    }
}
