//! Experiments on threads of their own.
//!
//! Making a host, and waiting for its end, takes the kernel some ten milliseconds each. On a thread
//! that others share, everybody else would stand still meanwhile, and would be measured so.

use std::future::Future;
use std::io;

use tokio::runtime::Builder;
use tokio::task::spawn_blocking;

/// Carries something out on a thread with a runtime of its own, which is over when it is.
///
/// # Errors
/// If there is no thread or no runtime for it, or if it panics.
pub async fn apart<T, F>(work: impl FnOnce() -> F + Send + 'static) -> io::Result<T>
where
    T: Send + 'static,
    F: Future<Output = T>,
{
    let on_its_thread = move || {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(runtime.block_on(work()))
    };
    spawn_blocking(on_its_thread).await.map_err(io::Error::other)?
}
