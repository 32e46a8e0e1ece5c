//! In a chat, what is asked may be answered by a file, and that is saved.

use std::io;
use std::time::Duration;

use super::Contact;
use crate::cli::Failure;
use crate::cli::client::save::{
    SaveConfig, Saved, SavedFile, ask_and_save_watched, is_get, kept_in, name_of,
};
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
    /// It did not come whole: what is kept of it, and what to do.
    Kept(String),
    /// It could not be saved.
    Failed(Failure),
}

/// How it went to ask for what may be a file.
pub(super) struct Transfer {
    pub(super) exchange: Exchange,
    pub(super) news: FileNews,
    /// Over UDP, how long the exchange that failed has waited; others went before it.
    pub(super) waited: Option<Duration>,
}

/// Listens while a file comes.
struct Watch<'a, 'b> {
    text: &'b str,
    /// Which file is coming.
    file: &'b mut Option<String>,
    remarks: Remarks<'a>,
    sent: bool,
    last: Option<Exchange>,
    waited: Option<Duration>,
}

impl Watch<'_, '_> {
    fn event(&mut self, event: &RequesterEvent) {
        self.sent |= matches!(event, RequesterEvent::Sent { .. });
        match event {
            RequesterEvent::Content { .. } if self.file.is_none() => {
                *self.file = Some(name_of(self.text).to_owned());
            }
            // Of several under way, the first one that fails ends them all.
            RequesterEvent::Ended(exchange) if self.last.as_ref().is_none_or(was_answered) => {
                self.waited = self.remarks.waited(exchange.id);
                self.last = Some(exchange.clone());
            }
            _ => {}
        }
        self.remarks.event(event);
    }
}

impl Contact<'_> {
    /// Asks in the conversation that is open; if a file comes it is saved.
    pub(super) async fn exchange_or_save(&mut self, text: &str) -> io::Result<Transfer> {
        let arguments = self.arguments;
        let Contact { conversation, file, .. } = self;
        *file = is_get(text).then(|| name_of(text).to_owned());
        let remarks = Remarks::new(arguments, self.clock);
        let mut watch = Watch { text, file, remarks, sent: false, last: None, waited: None };
        let config = SaveConfig {
            folder: &arguments.save,
            fetch: FetchConfig { timeout: arguments.timeout, window: arguments.window },
            progress: !arguments.json && !arguments.quiet,
            clock: self.clock,
        };
        let Some(conversation) = conversation else { return Err(super::not_open()) };
        let mut hear = |event: &RequesterEvent| watch.event(event);
        let saved = ask_and_save_watched(conversation, text, config, &mut hear).await;
        let Watch { remarks, sent, last, waited, .. } = watch;
        self.file = None;
        self.heard_unframed = remarks.heard_unframed();
        let saved = match saved {
            Ok(saved) => saved,
            Err(error) => {
                self.conversation = None;
                return Err(error);
            }
        };
        let (ending, news) = as_exchange(saved, text);
        match news {
            FileNews::Failed(_) if sent => self.do_without_the_rest(&remarks),
            FileNews::Failed(_) => {}
            _ => self.settle(&ending).await,
        }
        let nothing = Exchange { id: 0, attempts: 0, retransmissions: 0, ending: Ending::TimedOut };
        let exchange = Exchange { ending, ..last.unwrap_or(nothing) };
        Ok(Transfer { exchange, news, waited })
    }

    /// Returns what is kept of a file whose coming was interrupted.
    pub(in crate::cli::client) fn kept(&self) -> Option<String> {
        kept_in(&self.arguments.save, self.file.as_ref()?)
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

fn was_answered(exchange: &Exchange) -> bool {
    matches!(exchange.ending, Ending::Replied(_))
}

fn as_exchange(saved: Saved, text: &str) -> (Ending, FileNews) {
    match saved {
        Saved::Line(line) => (Ending::Replied(line), FileNews::None),
        Saved::File(file) => {
            let SavedFile { name, length, digest, .. } = &file;
            let head = Head::File { name, length: *length, digest }.to_string();
            (Ending::Replied(head), FileNews::Saved(file))
        }
        Saved::Ended(ending, Some(kept)) => (ending, FileNews::Kept(kept)),
        Saved::Ended(ending @ (Ending::BrokenOff(_) | Ending::OutcomeUnknown(_)), None)
            if is_get(text) =>
        {
            (ending, FileNews::Kept("Nothing of the file had come: get it again".to_owned()))
        }
        Saved::Ended(ending, None) => (ending, FileNews::None),
        Saved::Failed(failure) => (Ending::Replied(String::new()), FileNews::Failed(failure)),
    }
}
