//! Where simulation and kernel differ for a reason that is known.

/// A difference that is expected.
#[derive(Debug)]
pub(crate) struct Exception {
    pub(crate) scenarios: &'static [&'static str],
    /// How the key of the column begins.
    pub(crate) column: &'static str,
    /// What differs: numbers of single runs, or `median of ...`.
    pub(crate) names: &'static [&'static str],
    /// Whether each test meets it; else it depends on who is faster.
    pub(crate) always: bool,
    #[allow(dead_code, reason = "printed when the exception is no longer needed")]
    pub(crate) reason: &'static str,
}

const TIMES: &[&str] =
    &["first_reply_ms", "p50_ms", "p95_ms", "max_ms", "total_ms", "median of total_ms"];

/// All of them.
pub(crate) const EXCEPTIONS: &[Exception] = &[
    Exception {
        scenarios: &["black-hole.no-deadline", "black-hole.established"],
        column: "tcp",
        names: &["detect_ms", "total_ms", "median of transmissions", "median of total_ms"],
        always: true,
        reason: "Linux's limits are shortened: nobody waits for a quarter of an hour",
    },
    Exception {
        scenarios: &["loss", "oversized.fragment-lost", "spoofed.no-validate"],
        column: "udp",
        names: &["detect_ms", "total_ms"],
        always: true,
        reason: "in real time an answer that nobody asks for again is waited for a second",
    },
    Exception {
        scenarios: &["lost-reply", "server-killed.power-off"],
        column: "tcp",
        names: &["median of transmissions"],
        always: true,
        reason: "Linux acknowledges the request at once, so the client does not repeat it",
    },
    Exception {
        scenarios: &["address-change"],
        column: "tcp",
        names: &["median of transmissions"],
        always: true,
        reason: "the record ends some seconds after the script, where time is real",
    },
    Exception {
        scenarios: &["duplicate"],
        column: "tcp",
        names: &["median of transmissions"],
        always: true,
        reason: "Linux answers a doubled SYN once more",
    },
    Exception {
        scenarios: &["oversized", "oversized.fragment-lost", "file-transfer", "file-transfer.loss"],
        column: "tcp",
        names: TIMES,
        always: true,
        reason: "smoltcp begins with a window of 2,048 bytes, Linux with ten segments (RFC 6928)",
    },
    Exception {
        scenarios: &["file-transfer.loss"],
        column: "tcp",
        names: &["median of transmissions"],
        always: false,
        reason: "ten repetitions for its one request: with other luck there are two more, or less",
    },
    Exception {
        scenarios: &["slow-reader"],
        column: "udp",
        names: &["packets_c2s"],
        always: true,
        reason: "it sleeps a millisecond between two messages: real sleeps last longer",
    },
    Exception {
        scenarios: &[
            "server-killed",
            "server-killed.rst",
            "server-killed.restart",
            "server-killed.power-off",
            "server-killed.reboot",
        ],
        column: "",
        names: &["server_stop_ms", "detect_ms", "total_ms", "median of total_ms"],
        always: true,
        reason: "a real process needs time to end, and another to begin",
    },
    Exception {
        scenarios: &["loss"],
        column: "tcp",
        names: &["outcomes", "agreed", "executions"],
        always: true,
        reason: "with other luck another chain of losses reaches the deadline of 30 s: one of 2,000",
    },
    Exception {
        scenarios: &["close-vs-shutdown.reset"],
        column: "tcp",
        names: &["executions"],
        always: false,
        reason: "a RST takes with it what the server has not read yet",
    },
    Exception {
        scenarios: &["message-boundaries.raw"],
        column: "tcp",
        names: &["outcomes", "agreed", "executions"],
        always: false,
        reason: "without framing a message is what one read brings, which no two runs need share",
    },
    Exception {
        scenarios: &["duplicate"],
        column: "udp_maybe",
        names: &["agreed", "packets_c2s"],
        always: false,
        reason: "whether the second copy of an answer comes before the next question",
    },
    Exception {
        scenarios: &["spoofed.no-validate"],
        column: "udp_maybe",
        names: &["outcomes", "packets_s2c", "server_stop_ms"],
        always: false,
        reason: "whether the question meets a server that stops, or one that has stopped",
    },
    Exception {
        scenarios: &["loss"],
        column: "tcp",
        names: &["p95_ms", "max_ms", "total_ms"],
        always: false,
        reason: "5 % of the requests are lost twice: with other luck one more or less",
    },
    Exception {
        scenarios: &["spoofed", "spoofed.no-validate"],
        column: "udp_maybe",
        names: TIMES,
        always: false,
        reason: "the forged answer comes first, when the forger has had its turn on the computer",
    },
];
