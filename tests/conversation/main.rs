//! The client in a conversation: calculator, echo and chat, over both transports, with real servers
//! and with servers that go away, turn us away, or are something else.

#![cfg(unix)]

#[path = "../support/mod.rs"]
mod support;

mod broken;
mod ended;
mod led;
mod options;
mod saved;
mod strangers;
