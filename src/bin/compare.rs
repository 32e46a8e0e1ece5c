//! Both transports side by side; `compare --help` says what it does.

fn main() -> std::process::ExitCode {
    socklab::cli::compare::main()
}
