//! In a chat, what is asked may be answered by a file, and that is saved.

use std::io;

use super::Contact;
use crate::cli::Failure;
use crate::cli::client::save::{SaveConfig, Saved, SavedFile, ask_and_save_watched};
use crate::cli::client::say::Remarks;
use crate::client::fetch::FetchConfig;
use crate::peer::Transport;
use crate::protocol::{Ending, Exchange, RequesterEvent};
use crate::service::files::Head;

/// What became of a file.
#[derive(Debug)]
pub(crate) enum FileNews {
    /// There was none.
    None,
    /// It is in the folder.
    Saved(SavedFile),
    /// It did not come whole; what is kept of it.
    Kept(String),
    /// It could not be saved.
    Failed(Failure),
}

impl Contact<'_> {
    /// Asks in the conversation that is open; if a file comes it is saved.
    pub(super) async fn exchange_or_save(
        &mut self,
        text: &str,
    ) -> io::Result<(Exchange, FileNews)> {
        let arguments = self.arguments;
        let remarks = Remarks::new(arguments, self.clock);
        let mut last = None;
        let mut sent = false;
        let mut watch = |event: &RequesterEvent| {
            sent |= matches!(event, RequesterEvent::Sent { .. });
            match event {
                RequesterEvent::Ended(exchange) => last = Some(exchange.clone()),
                event => remarks.event(event),
            }
        };
        let config = SaveConfig {
            folder: &arguments.save,
            fetch: FetchConfig { timeout: arguments.timeout, window: arguments.window },
            progress: !arguments.json && !arguments.quiet,
            clock: self.clock,
        };
        let Some(conversation) = &mut self.conversation else { return Err(super::not_open()) };
        let saved = match ask_and_save_watched(conversation, text, config, &mut watch).await {
            Ok(saved) => saved,
            Err(error) => {
                self.conversation = None;
                return Err(error);
            }
        };
        let (ending, news) = as_exchange(saved);
        match news {
            FileNews::Failed(_) if sent => self.do_without_the_rest(&remarks),
            FileNews::Failed(_) => {}
            _ => self.settle(&ending).await,
        }
        let nothing = Exchange { id: 0, attempts: 0, retransmissions: 0, ending: Ending::TimedOut };
        Ok((Exchange { ending, ..last.unwrap_or(nothing) }, news))
    }

    /// Over TCP the rest of a file cannot be asked not to come.
    fn do_without_the_rest(&mut self, remarks: &Remarks<'_>) {
        if self.config.transport == Transport::Tcp
            && let Some(conversation) = self.conversation.take()
        {
            conversation.reset();
            remarks.text("Our end reset the connection: the rest of the file may be on its way");
        }
    }
}

fn as_exchange(saved: Saved) -> (Ending, FileNews) {
    match saved {
        Saved::Line(line) => (Ending::Replied(line), FileNews::None),
        Saved::File(file) => {
            let SavedFile { name, length, digest, .. } = &file;
            let head = Head::File { name, length: *length, digest }.to_string();
            (Ending::Replied(head), FileNews::Saved(file))
        }
        Saved::Ended(ending, kept) => (ending, kept.map_or(FileNews::None, FileNews::Kept)),
        Saved::Failed(failure) => (Ending::Replied(String::new()), FileNews::Failed(failure)),
    }
}
