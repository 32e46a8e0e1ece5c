//! The programs in a folder where every user may run them, with a folder for what they leave.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::support::program::Ended;
use crate::{Processes, Program, skip};

/// Nobody in particular.
pub(crate) const ORDINARY: &[&str] =
    &["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];

/// Root as in a container: its user, but none of its capabilities.
pub(crate) const POWERLESS: &[&str] = &["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"];

/// Our programs, for as long as a test lasts.
pub(crate) struct Programs(TempDir);

impl Programs {
    /// Returns them where the kernel network works; says so where it does not. On CI it has to, if
    /// root runs the tests and there are TUN devices.
    pub(crate) fn on_kernel() -> Option<Self> {
        let programs = Programs::new();
        let doctor = programs.run(&[], &["--doctor"]).with_code(0);
        if doctor.out.contains("kernel    works") {
            return Some(programs);
        }
        let root = rustix::process::geteuid().is_root();
        let is_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        let has_to = is_ci && root && Path::new("/dev/net/tun").exists();
        assert!(!has_to, "the kernel network has to work here: {}", doctor.out);
        skip(&format!("the kernel network does not work here:\n{}", doctor.out));
        None
    }

    /// Returns them, whether it works or not.
    pub(crate) fn new() -> Self {
        let folder =
            tempfile::Builder::new().prefix("kernel-network-").tempdir().expect("a folder");
        let programs = Programs(folder);
        let open = |path: &Path, mode| {
            fs::set_permissions(path, Permissions::from_mode(mode)).expect("ours");
        };
        open(programs.0.path(), 0o755);
        fs::create_dir(programs.left_behind()).expect("a folder");
        open(&programs.left_behind(), 0o1777);
        for program in [env!("CARGO_BIN_EXE_compare"), env!("CARGO_BIN_EXE_server")] {
            let name = Path::new(program).file_name().expect("a name");
            let here = programs.0.path().join(name);
            // Elsewhere than in our build folder it may be another file system.
            if fs::hard_link(program, &here).is_err() {
                fs::copy(program, &here).expect("a copy");
            }
        }
        programs
    }

    /// Returns the folder that `compare` takes for temporary files.
    pub(crate) fn left_behind(&self) -> PathBuf {
        self.0.path().join("temporary")
    }

    /// Returns a folder of the test's own, into which everybody may write.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let folder = self.left_behind().join(name);
        fs::create_dir_all(&folder).expect("a folder");
        folder
    }

    /// Returns where `compare` is.
    pub(crate) fn compare(&self) -> String {
        self.0.path().join("compare").to_str().expect("text").to_owned()
    }

    /// Runs `compare` to its end; `within` are programs that start it in surroundings of their own.
    pub(crate) fn run(&self, within: &[&str], arguments: &[&str]) -> Ended {
        self.start(within, arguments).finish()
    }

    /// Starts `compare`.
    pub(crate) fn start(&self, within: &[&str], arguments: &[&str]) -> Program {
        let compare = self.compare();
        let mut words = within.iter().copied().chain([compare.as_str()]);
        let mut command = Command::new(words.next().expect("compare at least"));
        command.args(words).args(arguments);
        Program::start(self.at_home(&mut command))
    }

    /// Gives a command the surroundings by which its processes are found again.
    pub(crate) fn at_home<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("TMPDIR", self.left_behind()).env("NO_COLOR", "1").stdin(Stdio::null())
    }

    /// Returns the processes that have been started with these programs.
    pub(crate) fn processes(&self) -> Processes {
        Processes::with_variable(&format!("TMPDIR={}", self.left_behind().display()))
    }
}

/// Reads the report that is all a run's output.
#[track_caller]
pub(crate) fn report_of(ended: &Ended) -> serde_json::Value {
    serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{error}: {ended:#?}"))
}
