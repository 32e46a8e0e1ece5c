//! Over TCP: the stack repeats and orders; what is left to us is to cut the byte stream into
//! messages, and to close without losing our last words.

mod requester;
mod session;

pub use requester::StreamRequester;
pub use session::{StreamConfig, StreamSession};
