//! Which networks work here, and if one does not, why.

use super::kernel::{self, Refusal};
use crate::testbed::beside_us;

/// Returns what works here, and if something does not, why.
pub(super) fn report(rights: Result<(), Refusal>) -> String {
    let server = match beside_us("server") {
        Ok(program) => format!("works, with {}", program.display()),
        Err(error) => format!("does not work: {error}"),
    };
    let ours = std::env::current_exe().ok();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let name = format!("compare{}", std::env::consts::EXE_SUFFIX);
    let first =
        std::env::split_paths(&path).map(|folder| folder.join(&name)).find(|it| it.is_file());
    let on_path = match (first, ours) {
        (None, _) => {
            "no compare is on PATH: install with make install, or type make shell".to_owned()
        }
        (Some(first), Some(ours)) if first.canonicalize().ok() == ours.canonicalize().ok() => {
            "this compare is the one on PATH".to_owned()
        }
        (Some(first), _) => format!("another compare comes first: {}", first.display()),
    };
    let kernel = match rights.and_then(|()| kernel::probe()) {
        Ok(what) => format!("works: {what}"),
        Err(refusal) => format!("does not work: {}\n          {}", refusal.what, refusal.advice),
    };
    format!(
        "sim       works: simulated hosts, no rights needed\n\
         kernel    {kernel}\n\
         loopback  {server}\n\
         PATH      {on_path}\n"
    )
}
