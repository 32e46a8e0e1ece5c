//! What is written beside the report: pictures, captures, pages.

use std::path::Path;
use std::{fs, io};

use color_eyre::eyre;

use crate::cli::Failure;
use crate::report::pictures::pictures;
use crate::scenario::log::Comparison;
use crate::trace::Place;
use crate::trace::pcapng::capture;

/// Writes the ladders and plots of every comparison, one file each; of several networks, each with
/// its network's name.
///
/// # Errors
/// If the folder or a file cannot be written.
pub(super) fn write_pictures(folder: &Path, comparisons: &[Comparison]) -> eyre::Result<()> {
    make(folder)?;
    for comparison in comparisons {
        for picture in pictures(comparison) {
            let name = format!("{}{}.svg", picture.name, mark(comparison, comparisons));
            write(&folder.join(name), picture.svg.as_bytes())?;
        }
    }
    Ok(())
}

/// Writes what each host sent and received, one file for each host.
///
/// # Errors
/// If the folder or a file cannot be written.
pub(super) fn write_captures(
    folder: &Path,
    comparisons: &[Comparison],
    reproduce: impl Fn(&Comparison) -> String,
) -> eyre::Result<()> {
    make(folder)?;
    for comparison in comparisons {
        let about = reproduce(comparison);
        for run in &comparison.runs {
            let Some(trace) = &run.trace else { continue };
            for place in places(run.clients.len()) {
                let host = place.to_string().replace(' ', "-");
                let column = format!("{}-{}", comparison.scenario.name, run.column.key);
                let name = format!("{column}{}-{host}.pcapng", mark(comparison, comparisons));
                write(&folder.join(name), &capture(trace, place, &about))?;
            }
        }
    }
    Ok(())
}

/// Returns what tells the networks apart, where there are several: `-kernel`.
fn mark(comparison: &Comparison, all: &[Comparison]) -> String {
    match all.iter().all(|other| other.network == comparison.network) {
        true => String::new(),
        false => format!("-{}", comparison.network.name()),
    }
}

fn places(clients: usize) -> impl Iterator<Item = Place> {
    (1..=clients.max(1)).map(Place::Client).chain([Place::Server])
}

/// Writes a file.
///
/// # Errors
/// If that fails; says which file.
pub(super) fn write(path: &Path, bytes: &[u8]) -> eyre::Result<()> {
    fs::write(path, bytes).map_err(|error| failed("write", path, &error))
}

fn make(folder: &Path) -> eyre::Result<()> {
    fs::create_dir_all(folder).map_err(|error| failed("make the folder", folder, &error))
}

fn failed(act: &str, path: &Path, error: &io::Error) -> eyre::Report {
    let what = format!("Could not {act} {}: {error}", path.display());
    Failure::local(what, "Name a place where you may write, such as out/").into()
}
