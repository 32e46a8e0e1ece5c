//! What TCP and UDP do by themselves, asked of this computer and of the simulation.

use color_eyre::eyre::{self, WrapErr};

use super::arguments::{CompareArguments, Format};
use super::kernel::{self, Refusal};
use crate::report::facts;
use crate::scenario::facts::measure;

/// Finds it out and writes it down. Where the kernel network is not available, that is said.
///
/// # Errors
/// If the simulation fails.
pub(super) async fn report(
    arguments: &CompareArguments,
    rights: Result<(), Refusal>,
) -> eyre::Result<String> {
    let kernel = match rights.and_then(|()| kernel::probe()) {
        Ok(_) => Ok(arguments.tcp_profile.into()),
        Err(refusal) => Err(format!("{}. {}", refusal.what, refusal.advice)),
    };
    let found = measure(kernel).await.wrap_err("Could not ask the simulation")?;
    Ok(match arguments.format {
        Format::Table => facts::table(&found),
        Format::Markdown => facts::markdown(&found),
        Format::Json => serde_json::to_string_pretty(&facts::object(&found))? + "\n",
    })
}
