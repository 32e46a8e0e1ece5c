//! A guest's place for a file: it keeps everything, and what was said meanwhile.

use std::io;

use socklab::client::fetch::Sink;
use socklab::protocol::{Closing, Exchange, RequesterEvent};
use socklab::service::files::Head;

/// What came of one file.
#[derive(Debug, Default)]
pub(super) struct Fetched {
    pub(super) announced: Option<String>,
    pub(super) bytes: Vec<u8>,
    pub(super) exchanges: Vec<Exchange>,
    /// That the server has ended the conversation meanwhile.
    pub(super) left: Option<Closing>,
}

impl Sink for Fetched {
    fn head(&mut self, head: &Head<'_>) -> io::Result<()> {
        if let Head::File { digest, .. } = head {
            self.announced = Some((*digest).to_owned());
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn event(&mut self, event: &RequesterEvent) {
        match event {
            RequesterEvent::Ended(exchange) => self.exchanges.push(exchange.clone()),
            RequesterEvent::Left(how) => self.left = Some(*how),
            _ => {}
        }
    }
}
