//! tshark, Wireshark's program for terminals, as the reader of our captures.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use socklab::trace::pcapng::capture;
use socklab::trace::{Place, Trace};

pub(crate) const CLIENT: Place = Place::Client(1);

const DISSECTOR: &str = concat!("lua_script:", env!("CARGO_MANIFEST_DIR"), "/docs/socklab.lua");

/// Returns whether tshark is on this computer. On CI it has to be.
pub(crate) fn is_here() -> bool {
    let is_here = Command::new("tshark").arg("--version").output().is_ok();
    if !is_here {
        let is_ci = env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!is_ci, "CI needs tshark: apt-get install tshark");
        println!("SKIP: this computer has no tshark");
    }
    is_here
}

/// A capture on disk.
pub(crate) struct Capture(PathBuf);

impl Capture {
    /// Writes what a host saw. `name` tells it from all other captures of these tests.
    pub(crate) fn write(name: &str, trace: &Trace, at: Place) -> Self {
        let path = folder("").join(format!("{name}.{at}.pcapng"));
        fs::write(&path, capture(trace, at, name)).expect("a file");
        Capture(path)
    }

    /// Returns what tshark prints of it with our dissector.
    pub(crate) fn tshark(&self, options: &[&str]) -> String {
        self.run(Command::new("tshark").args(["-X", DISSECTOR]).args(options))
    }

    /// Returns what tshark prints without it.
    pub(crate) fn tshark_alone(&self, options: &[&str]) -> String {
        self.run(Command::new("tshark").args(options))
    }

    /// Returns what capinfos says of it.
    pub(crate) fn capinfos(&self) -> String {
        let output = Command::new("capinfos").arg(&self.0).output().expect("it comes with tshark");
        String::from_utf8(output.stdout).expect("text")
    }

    /// Returns these fields of the packets that `filter` takes, a packet a line, empty if absent.
    pub(crate) fn fields(&self, filter: &str, fields: &[&str]) -> Vec<Vec<String>> {
        let mut options = vec!["-Y", filter, "-T", "fields", "-E", "aggregator=|"];
        options.extend(fields.iter().flat_map(|field| ["-e", field]));
        let printed = self.tshark(&options);
        printed.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
    }

    /// Returns how many packets `filter` takes.
    pub(crate) fn count(&self, filter: &str) -> usize {
        self.fields(filter, &["frame.number"]).len()
    }

    /// Returns it as if only so many bytes of each packet had been captured.
    pub(crate) fn cut(&self, length: usize) -> Capture {
        let path = self.0.with_extension(format!("{length}.pcapng"));
        let mut editcap = Command::new("editcap");
        editcap.args(["-s", &length.to_string()]).arg(&self.0).arg(&path);
        assert!(editcap.status().expect("it comes with tshark").success());
        Capture(path)
    }

    fn run(&self, command: &mut Command) -> String {
        // Times in UTC, and nobody's own settings and plugins.
        let nobody = folder("nobody");
        command.env("TZ", "UTC").env("HOME", &nobody).env("WIRESHARK_CONFIG_DIR", &nobody);
        let output = command.arg("-nr").arg(&self.0).output().expect("tshark runs");
        let complaints = String::from_utf8_lossy(&output.stderr);
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{command:?}: {complaints}");
        // When it is loaded, and when it shows a packet.
        assert!(!complaints.contains("Lua"), "{command:?}: {complaints}");
        assert!(!printed.contains("Lua Error"), "{command:?}: {printed}");
        printed
    }
}

/// A folder for what these tests write.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("captures").join(name);
    fs::create_dir_all(&folder).expect("a folder");
    folder
}
