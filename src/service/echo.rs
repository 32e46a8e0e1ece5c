//! The same words back.

use super::{Caller, Next, Reply, Service};
use crate::time::Timestamp;

/// The `echo` service.
#[derive(Debug, Default)]
pub struct EchoService;

impl Service for EchoService {
    fn is_sensitive(&self, _caller: Caller, _request: &str) -> bool {
        false
    }

    fn handle(
        &mut self,
        _caller: Caller,
        request: &str,
        _now: Timestamp,
        reply: &mut Reply<'_>,
    ) -> Next {
        reply.push_str(request);
        Next::Continue
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::Peer;

    #[test]
    fn every_text_comes_back_as_it_is() {
        let peer = Peer::tcp("192.0.2.7:5000".parse().expect("an address"));
        for text in ["hello world", "", " spaces ", "exit", "ERR no", "Zoë 李\t\r\u{0}"] {
            let mut bytes = Vec::new();
            let mut reply = Reply::new(&mut bytes);
            let next = EchoService.handle(peer.into(), text, Timestamp::ZERO, &mut reply);
            assert_eq!((next, reply.content.is_none()), (Next::Continue, true));
            assert_eq!(bytes, text.as_bytes());
            assert!(!EchoService.is_sensitive(peer.into(), text));
        }
    }
}
