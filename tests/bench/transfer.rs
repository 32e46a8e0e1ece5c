//! A large file over loopback TCP: our server and our client, in turn with a bare copy that hashes too.
//!
//! Both write to the same file system, and both times count from the start of the receiving program to
//! its end. Our server computes the SHA-256 that it announces once, when the file is first asked for;
//! the client computes it every time, as the bare copy does.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

use sha2::{Digest, Sha256};
use socklab::service::files::hexadecimal;
use socklab::testbed::{FILE, lecture};
use tempfile::TempDir;

use crate::bare_copy::{RECEIVER, SENDER};
use crate::contender::{reference, server};
use crate::load::Tally;
use crate::measure::{Plan, Spread};
use crate::process::{Server, guarded};
use crate::report::Measured;
use crate::rows::Target;

const LENGTH: usize = 200_000_000; // bytes

/// The file, its SHA-256, and the folder that copies go to.
struct Offer {
    folder: TempDir,
    digest: String,
}

/// Bytes a second, beside those of the bare copy.
pub(crate) fn beside_bare_copy(plan: &Plan, target: Target) -> io::Result<Measured> {
    let offer = Offer::new()?;
    let server = Server::start_command(&offer.server()?)?;
    let sender = Server::start_command(&offer.sender()?)?;
    // Pages and caches warm up; and our server hashes.
    let first = offer.fetch(server.address)?;
    let first = first / offer.copy(sender.address)?;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        ours.push(offer.fetch(server.address)?);
        bare.push(offer.copy(sender.address)?);
    }
    let ratio = Spread::of_ratios(&ours, &bare);
    let [ours, bare] = [ours, bare].map(|rates| Spread::of(rates).median);
    Ok(Measured {
        ours: megabytes(ours),
        reference: format!("{} bare copy", megabytes(bare)),
        ratio: ratio.to_string(),
        met: target.is_met(ratio.median),
        total: Tally { exchanges: 2 * (plan.rounds as u64 + 1), ..Tally::default() },
        remark: Some(format!(
            "200 MB, SHA-256 checked; {first:.2} the first time, when the server hashes as well"
        )),
    })
}

fn megabytes(rate: f64) -> String {
    format!("{:.0} MB/s", rate / 1e6)
}

impl Offer {
    fn new() -> io::Result<Self> {
        let offer = Self { folder: TempDir::new()?, digest: String::new() };
        fs::create_dir(offer.files())?;
        let bytes = lecture(LENGTH, 1);
        fs::write(offer.files().join(FILE), &bytes)?;
        Ok(Self { digest: hexadecimal(&Sha256::digest(&bytes)), ..offer })
    }

    /// The folder that our server offers.
    fn files(&self) -> PathBuf {
        self.folder.path().join("files")
    }

    fn server(&self) -> io::Result<Command> {
        let mut command = server()?;
        command.args(["-q", "--service", "chat", "--transport", "tcp", "--files"]);
        command.arg(self.files()).args(["127.0.0.1", "0"]);
        Ok(command)
    }

    fn sender(&self) -> io::Result<Command> {
        let mut command = reference(SENDER)?;
        command.arg(self.files().join(FILE));
        Ok(command)
    }

    /// Has our client fetch it; returns bytes a second.
    fn fetch(&self, server: SocketAddr) -> io::Result<f64> {
        let copy = self.folder.path().join(FILE);
        let mut command = Command::new(env!("CARGO_BIN_EXE_client"));
        command.args(["-q", "--service", "chat", "--request", &format!("get {FILE}"), "--save"]);
        command.arg(self.folder.path());
        command.args([server.ip().to_string(), server.port().to_string()]);
        let (rate, output) = timed(&command)?;
        // It has compared the SHA-256 with the one announced; here, that one with what was written.
        let said = String::from_utf8_lossy(&output.stdout);
        match said.contains(&self.digest[..8]) {
            true => remove(&copy).map(|()| rate),
            false => Err(io::Error::other(format!("not the file: {said}"))),
        }
    }

    /// Has the bare receiver copy it; returns bytes a second.
    fn copy(&self, sender: SocketAddr) -> io::Result<f64> {
        let copy = self.folder.path().join("copy");
        let mut command = reference(RECEIVER)?;
        command.arg(sender.to_string()).arg(&copy);
        let (rate, output) = timed(&command)?;
        match output.stdout.trim_ascii() == self.digest.as_bytes() {
            true => remove(&copy).map(|()| rate),
            false => Err(io::Error::other("the bare copy is another file")),
        }
    }
}

/// Runs a program that receives the file.
fn timed(command: &Command) -> io::Result<(f64, Output)> {
    let mut command = guarded(command)?;
    let start = Instant::now();
    let output = command.output()?;
    let rate = LENGTH as f64 / start.elapsed().as_secs_f64();
    match output.status.success() {
        true => Ok((rate, output)),
        false => Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned())),
    }
}

/// Takes a copy away, so that the next one finds the place empty.
fn remove(copy: &Path) -> io::Result<()> {
    let length = fs::metadata(copy)?.len();
    fs::remove_file(copy)?;
    match length == LENGTH as u64 {
        true => Ok(()),
        false => Err(io::Error::other(format!("{length} of {LENGTH} bytes were saved"))),
    }
}
