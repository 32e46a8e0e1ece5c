//! The kernel network under attack: without rights, with half of them, beside others, and killed at any
//! moment. The programs run as users run them, each in a process of its own: a program with several
//! threads, as these tests are, may not enter a user namespace.

#![cfg(target_os = "linux")]

mod beside;
mod captures;
mod horizon;
mod killed;
mod processes;
mod programs;
mod refusals;
mod story;
#[path = "../support/mod.rs"]
mod support;

pub(crate) use processes::{Processes, wait_until};
pub(crate) use programs::Programs;
pub(crate) use support::program::Program;
pub(crate) use support::skip;

/// Returns whether we are root, who may set up what these tests need; says so if not.
pub(crate) fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        skip("only root can set this up");
    }
    root
}
