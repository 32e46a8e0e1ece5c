//! Commands that are not run here: those that install something, those that run for minutes or ask
//! a person, and those that need what is not on this computer.

use std::env;
use std::process::Stdio;
use std::sync::LazyLock;

use crate::running::shell;

/// Begins a command that changes the reader's computer, or builds: taken as it stands.
const ACCEPTED: [&str; 6] = ["git clone ", "cd socklab", "cargo ", "sudo ", "apt ", "curl "];

/// Run for minutes, run these tests, or wait for a person: that `make` knows them must do.
const TARGETS: [&str; 5] = ["test", "check", "bench", "install", "shell"];

/// Programs that others wrote, and that not every computer has.
const MAY_BE_MISSING: [&str; 5] = ["nc", "python3", "tshark", "ss", "jq"];

/// Returns the part of a command that is run: what stands behind the last `&&` that follows
/// something not run. `None` if that is nothing.
///
/// # Errors
/// If a part is a target that the Makefile does not have.
pub(crate) fn part_to_run(command: &str) -> Result<Option<&str>, String> {
    let mut rest = command;
    loop {
        let (first, behind) = match rest.split_once("&&") {
            Some((first, behind)) => (first, Some(behind)),
            None => (rest, None),
        };
        let first = first.split(" #").next().unwrap_or(first).trim();
        if let Some(target) = target(first) {
            has_target(target)?;
        } else if !ACCEPTED.iter().any(|start| format!("{first} ").starts_with(start)) {
            return Ok(Some(rest.trim_start()));
        }
        match behind {
            Some(behind) => rest = behind,
            None => return Ok(None),
        }
    }
}

fn target(command: &str) -> Option<&'static str> {
    let words: Vec<&str> = command.split_whitespace().collect();
    let ["make", wanted] = words[..] else { return None };
    TARGETS.into_iter().find(|target| *target == wanted)
}

/// Asks `make` what it would do.
fn has_target(target: &str) -> Result<(), String> {
    let mut command = shell(&format!("make -n {target}"));
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

/// What stands in a command that needs the kernel network, or that a page shows where it works.
const ON_KERNEL: [&str; 3] = ["--net kernel", "--net sim,kernel", "--doctor"];

/// Returns what a command needs and this computer does not have.
pub(crate) fn missing(command: &str) -> Option<&'static str> {
    let on_kernel = ON_KERNEL.iter().any(|option| command.contains(option));
    let lacks_kernel = on_kernel && !*KERNEL_WORKS;
    missing_program(command).or(lacks_kernel.then_some("the kernel network"))
}

/// Whether `compare` can make hosts of its own here: it finds out by making some.
static KERNEL_WORKS: LazyLock<bool> = LazyLock::new(|| {
    let report = shell("compare --doctor").stdin(Stdio::null()).output();
    let lines = report.map(|report| String::from_utf8_lossy(&report.stdout).into_owned());
    lines.is_ok_and(|lines| lines.lines().any(|line| line.starts_with("kernel    works")))
});

fn missing_program(command: &str) -> Option<&'static str> {
    let folders = env::var_os("PATH").unwrap_or_default();
    let is_here = |name: &str| env::split_paths(&folders).any(|it| it.join(name).is_file());
    needs(command).find(|name| !is_here(name))
}

fn needs(command: &str) -> impl Iterator<Item = &'static str> {
    let between = |c: char| c.is_whitespace() || "|&;()`$\"'".contains(c);
    MAY_BE_MISSING.into_iter().filter(move |name| command.split(between).any(|word| word == *name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_commands_are_run() {
        for command in
            ["make", "make demo", "make demo-tcp", "server --number 50", "cat a && cat b"]
        {
            assert_eq!(part_to_run(command), Ok(Some(command)));
        }
    }

    #[test]
    fn what_installs_or_builds_is_not_run_but_what_follows_is() {
        let command = "git clone https://example.org/socklab && cd socklab && make demo-tcp";
        assert_eq!(part_to_run(command), Ok(Some("make demo-tcp")));
        for command in ["git clone x", "cd socklab", "cargo install --path .", "make test  # all"] {
            assert_eq!(part_to_run(command), Ok(None));
        }
    }

    #[test]
    fn a_target_is_looked_up_in_the_makefile() {
        assert_eq!(has_target("check"), Ok(()));
        let error = has_target("no-such-target").expect_err("no target");
        assert!(error.contains("no-such-target"), "{error}");
    }

    #[test]
    fn a_program_is_needed_wherever_it_stands_in_a_pipe() {
        let needed: Vec<_> = needs("printf 'Ada;25\\n' | nc 127.0.0.1 12000 | jq .").collect();
        assert_eq!(needed, ["nc", "jq"]);
        assert_eq!(needs("client --once 12000").count(), 0);
    }
}
