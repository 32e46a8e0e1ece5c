//! The server; `server --help` says what it does.

fn main() -> std::process::ExitCode {
    socklab::cli::server::main()
}
