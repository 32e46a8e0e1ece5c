//! Experiments on threads of their own.
//!
//! Making a host, and waiting for its end, takes the kernel some ten milliseconds each. On a thread
//! that others share, everybody else would stand still meanwhile, and would be measured so.

use std::future::Future;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

/// How many experiments are under way, and who is told when one is over.
static UNDER_WAY: Mutex<usize> = Mutex::new(0);
static OVER: Condvar = Condvar::new();

/// An experiment under way, with everything that it will have to tidy up.
struct UnderWay;

/// Carries something out on a thread with a runtime of its own, which is over when it is. If nobody
/// waits for it any more, it is dropped there.
///
/// # Errors
/// If there is no thread or no runtime for it, or if it panics.
pub async fn apart<T, F>(work: impl FnOnce() -> F + Send + 'static) -> io::Result<T>
where
    T: Send + 'static,
    F: Future<Output = T>,
{
    let (_awaited, forgotten) = oneshot::channel::<()>();
    let under_way = UnderWay::begin();
    let on_its_thread = move || {
        let _under_way = under_way;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            tokio::select! {
                biased;
                result = work() => Ok(result),
                _ = forgotten => Err(io::ErrorKind::Interrupted.into()),
            }
        })
    };
    spawn_blocking(on_its_thread).await.map_err(io::Error::other)?
}

/// Waits until all experiments are over and have tidied up behind themselves, but no longer than this.
/// To be called before a process ends that may have been interrupted.
pub fn wait_until_over(limit: Duration) {
    let waited = OVER.wait_timeout_while(under_way(), limit, |under_way| *under_way > 0);
    // Whoever takes longer is left to the system, as after a SIGKILL.
    drop(waited.unwrap_or_else(PoisonError::into_inner));
}

fn under_way() -> MutexGuard<'static, usize> {
    UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner)
}

impl UnderWay {
    fn begin() -> Self {
        *under_way() += 1;
        UnderWay
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        *under_way() -= 1;
        OVER.notify_all();
    }
}
