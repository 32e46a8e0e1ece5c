//! The client; `client --help` says what it does.

fn main() -> std::process::ExitCode {
    socklab::cli::client::main()
}
