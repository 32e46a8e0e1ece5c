//! How a client leaves: politely, by half, or not at all.

use std::io;

use super::Client;
use crate::net::Net;
use crate::peer::Transport;

impl<N: Net> Client<N> {
    /// Says goodbye, where there is a way to say it.
    pub(super) async fn leave(&mut self) {
        let Some(conversation) = self.conversation.take() else { return };
        self.log.left = Some(self.around.clock.now());
        self.remark("leaves");
        // Without a session there is none to end: over UDP nothing is said.
        let tcp = self.around.config.transport == Transport::Tcp;
        if tcp || self.around.service.has_sessions() {
            conversation.leave().await;
        }
    }

    /// Its program is killed: what the kernel says then, it says.
    pub(super) fn vanish(&mut self) {
        self.remark("its program is killed");
        if self.conversation.take().is_some() {
            self.log.left = Some(self.around.clock.now());
        }
    }

    /// Says that it will ask no more, and still listens.
    pub(super) fn half_close(&mut self) -> io::Result<()> {
        self.log.half_closed = Some(self.around.clock.now());
        self.remark("says that it will ask no more");
        match &mut self.conversation {
            Some(conversation) => conversation.finish(),
            None => Ok(()),
        }
    }
}
