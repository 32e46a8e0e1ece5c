//! Worlds in which the server's service is the chat: guests with sessions, files, and somebody who
//! forges packets.

pub(crate) mod coverage;
mod drawing;
mod fetched;
pub(crate) mod forging;
pub(crate) mod guest;
pub(crate) mod plan;
pub(crate) mod shelves;
pub(crate) mod visit;
