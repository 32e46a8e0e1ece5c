//! The sentences below the tables tell what was recorded, whatever was asked for: they never say of
//! a wire, a server or a client what did not happen in this run.

use std::process::{Command, Stdio};

use serde_json::Value;
use socklab::scenario::library::SCENARIOS;

/// Runs `compare` with these words, and returns its report; nothing if it refuses or fails.
fn report(line: &str) -> Option<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_compare"))
        .args(line.split_whitespace())
        .args(["--format", "json"])
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .expect("compare starts");
    serde_json::from_slice(&output.stdout).ok()
}

/// A command, what its sentences must not say, and what they must.
type Case = (&'static str, &'static [&'static str], &'static [&'static str]);

fn check(cases: &[Case]) {
    let mut failures = Vec::new();
    for (line, lies, truths) in cases {
        let Some(report) = report(line) else {
            failures.push(format!("{line}: no report"));
            continue;
        };
        let said = report["explanation"].as_str().unwrap_or_default();
        let lies =
            lies.iter().filter(|lie| said.contains(**lie)).map(|lie| format!("no \"{lie}\""));
        let missing = truths.iter().filter(|truth| !said.contains(**truth));
        let missing = missing.map(|truth| format!("\"{truth}\""));
        let wanted: Vec<String> = lies.chain(missing).collect();
        if !wanted.is_empty() {
            failures.push(format!("{line}\n  says: {said}\n  wanted: {}", wanted.join(", ")));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn loss_is_mended_only_where_an_answer_came_after_a_repetition() {
    const MENDED: &str = "that mended it";
    const NOTHING: &str = "mended nothing";
    check(&[
        (
            "loss --drop syn",
            &[NOTHING, "One seed"],
            &["Over UDP nothing had to be repeated", MENDED],
        ),
        ("loss --drop synack", &[NOTHING, "One seed"], &["repeated 2 segments", MENDED]),
        ("loss --drop fin", &[NOTHING, "One seed"], &["Over UDP nothing had to be repeated"]),
        ("loss --hold request:1=5s", &[NOTHING], &["Repeating mends it"]),
        ("loss --duplicate 100%", &[NOTHING], &["Repeating mends it"]),
        ("loss --loss 0%", &["Repeating", "One seed"], &["Nothing had to be repeated."]),
        ("loss --loss c2s:100%", &["Repeating mends", "survives"], &[NOTHING]),
        (
            "loss --timeout 500ms",
            &["nothing had to be", "Repeating"],
            &["gave up before our client"],
        ),
        ("loss --semantics maybe", &["our client repeat"], &["Nobody repeats over UDP here"]),
        ("loss --loss c2s:20% --loss s2c:0%", &["%, not"], &["0.80 x 1.00 = 80 %."]),
        ("loss --work 4s --exchanges 3 --loss 0%", &["Karn"], &[]),
    ]);
}

#[test]
fn a_lost_reply_is_told_as_the_server_met_it() {
    const CACHE: &str = "from its cache";
    const BOTH: &str = "was also the ACK";
    const NOTICED: &str = "neither program noticed";
    const NO_MEMORY: &str = "without a memory: it executed twice";
    check(&[
        ("lost-reply", &[], &[CACHE, BOTH, NOTICED, "Both clients print 80"]),
        ("lost-reply --timeout 500ms", &["memory", BOTH, NOTICED], &["gave up before it repeated"]),
        ("lost-reply --work 400ms", &[BOTH], &["the server's stack sent the reply again"]),
        (
            "lost-reply --work 2s",
            &["the copy"],
            &["told 1 of the copies that it was still working"],
        ),
        ("lost-reply --hold request:1=5s", &["nobody had"], &["1 datagram again", "segment again"]),
        ("lost-reply --loss s2c:100%", &[NOTICED, BOTH], &["timed out (4)", "handshake never"]),
        ("lost-reply --duplicate-cache off", &[CACHE], &[NO_MEMORY]),
        ("lost-reply --semantics at-least-once", &[CACHE], &[NO_MEMORY]),
        ("lost-reply --semantics maybe", &[CACHE], &["With one try nobody repeats: executed once"]),
        ("lost-reply --duplicate 100%", &["gave up", CACHE], &["the answer came a second time"]),
        ("lost-reply --drop request:1", &[BOTH, CACHE], &["it was the question that was lost"]),
        (
            "lost-reply --drop syn",
            &[BOTH, CACHE],
            &["nobody had to repeat", "1 segment went again"],
        ),
    ]);
}

#[test]
fn copies_are_told_only_where_they_came() {
    const CACHE: &str = "copies are answered from the cache";
    const LATE: &str = "took a late answer";
    check(&[
        ("duplicate", &[], &["Every datagram to the server came twice", LATE, CACHE]),
        ("duplicate --duplicate-cache off", &[CACHE], &["executed, and logged, every copy: 6"]),
        ("duplicate --semantics at-least-once", &[CACHE], &["executed, and logged, every copy: 6"]),
        ("duplicate --work 400ms", &[CACHE], &["still working"]),
        ("duplicate --loss c2s:100%", &["came twice", LATE, CACHE], &["none came"]),
        ("duplicate --exchanges 1", &[LATE, "1 questions"], &["executed 2 for 1 question: 1 of 1"]),
        ("duplicate --duplicate 0%", &["drops copies", LATE], &["Nothing came twice"]),
    ]);
}

#[test]
fn order_is_kept_only_where_it_was_in_danger() {
    const KEPT: &str = "kept the others back";
    const STILL: &str = "with ids each answer still finds";
    check(&[
        ("reorder", &[], &["Number 25 was overtaken", KEPT, STILL]),
        ("reorder --drop syn", &[KEPT, STILL, "does not"], &["Nothing was overtaken"]),
        ("reorder --loss s2c:100%", &["each answer", "luck"], &["TCP could deliver nothing"]),
        ("reorder --semantics maybe", &[STILL], &["without ids, 0 and 0 of 3"]),
        (
            "reorder --clients 3",
            &["25, 25", "Nothing was overtaken"],
            &["Number 25 of Client A was overtaken", "(25, 26, 27; 25, 26, 27; 25, 26, 27)"],
        ),
    ]);
}

#[test]
fn waiting_behind_the_lost_is_told_apart_from_slow_wires() {
    const ONE: &str = "One packet was lost";
    const ALONE: &str = "by the wire alone";
    check(&[
        (
            "head-of-line",
            &[ALONE],
            &[ONE, "Over UDP 1 was late: it came when our client repeated it"],
        ),
        (
            "head-of-line --loss 30%",
            &[ONE, "only one", "4 was"],
            &["packets were lost", "4 were late"],
        ),
        (
            "head-of-line --jitter 20ms",
            &["repeated it"],
            &[ONE, "1 came when", "6 by the wire alone"],
        ),
        ("head-of-line --reorder 50%", &[ONE], &["lost or held back", "3 by the wire alone"]),
        ("head-of-line --hold request:3=200ms", &["lost"], &["One packet was held back", ALONE]),
        ("head-of-line --dup request:1", &["what was lost", ONE], &["Nothing was lost on the way"]),
        ("head-of-line --semantics maybe", &["0 was"], &["none was late: 1 never came"]),
        ("head-of-line --drop request:10", &[ONE], &["Nothing came behind what was lost"]),
    ]);
}

#[test]
fn refusals_and_silence_are_told_by_who_ended_them() {
    const CLOCK: &str = "only the program's own clock";
    const COPY: &str = "came for a copy";
    const BOTH: &str = "both programs gave up by their own clock";
    check(&[
        ("server-not-running --drop request:1", &[CLOCK], &[COPY]),
        ("server-not-running --loss 30%", &[CLOCK], &[COPY]),
        ("server-not-running --hold request:1=5s", &[CLOCK], &[COPY]),
        ("server-not-running --loss 100%", &["RST", "ICMP"], &["no refusal came", "limit of 25 s"]),
        ("server-not-running --loss 100% --timeout 5s", &["RST", "ICMP"], &[CLOCK]),
        ("silent-server", &[], &[BOTH]),
        ("silent-server --semantics maybe", &["1 datagrams"], &["sent 1 datagram into"]),
        ("silent-server --timeout off", &[BOTH], &["nothing ever ended it", "limit of 25 s"]),
        ("silent-server --drop syn --timeout 900ms", &["Connected"], &["not even the handshake"]),
        ("black-hole --timeout off", &[BOTH], &["neither program had a clock of its own"]),
        (
            "black-hole --timeout off --semantics maybe",
            &[BOTH, "limit of 25 s", "longer waits"],
            &["over UDP nothing ever ended it"],
        ),
        (
            "black-hole --timeout 30s",
            &[BOTH],
            &["over UDP our client gave up by its limit of 25 s"],
        ),
        ("black-hole --timeout 500ms", &["longer waits"], &[BOTH]),
        (
            "black-hole.established --retransmissions 0",
            &["of 25 s", "longer waits"],
            &["datagram once", "its rule to send no copies"],
        ),
        ("black-hole.established --retransmissions 2", &["of 25 s"], &["its limit of 2 copies"]),
        ("black-hole.idle", &["no conversation"], &["Over TCP the client noticed nothing"]),
        ("black-hole.idle --loss c2s:100%", &["noticed", "Keepalive"], &["no conversation"]),
    ]);
}

#[test]
fn handshakes_are_counted_where_they_were_made() {
    const TWICE: &str = "pays twice";
    check(&[
        ("happy-path", &[], &["TCP first shook hands (1 connection)"]),
        ("happy-path --loss c2s:100%", &["shook"], &["never finished its handshake", "Neither"]),
        ("happy-path --clients 3", &["(3 connection)"], &["(3 connections)", "same questions"]),
        ("setup-cost", &[], &["20 round trips", TWICE]),
        ("setup-cost --loss c2s:100%", &[TWICE, "round trips with"], &["0 of 10 (0 handshakes)"]),
        ("setup-cost --loss 30%", &[TWICE, "round trips with"], &["9 of 10 (2 handshakes)"]),
        ("setup-cost --clients 3", &["over one connection and"], &["for each of 3 clients", TWICE]),
    ]);
}

#[test]
fn messages_come_together_only_where_they_did() {
    const HELD: &str = "The wire held the first packet up, so that all arrived together.";
    check(&[
        ("message-boundaries", &[], &[HELD, "all three came in one recv"]),
        ("message-boundaries --drop syn", &["held", "one recv"], &["(3 answered)"]),
        ("message-boundaries --drop request:1", &["held"], &["The wire lost the first packet"]),
        // Without line ends each segment with new bytes is a request.
        ("message-boundaries.raw", &[], &[HELD, "all three had come together"]),
        (
            "message-boundaries.raw --rate 10kbit",
            &["had come together"],
            &["each had come by itself"],
        ),
        ("message-boundaries --loss c2s:100%", &["held", "recv:"], &["no message reached"]),
        (
            "message-boundaries --loss 100%",
            &["each recv", "in the order"],
            &["copies, and none reached the server (0 answered)"],
        ),
        (
            "message-boundaries --delay 1s",
            &["none reached"],
            &["each send was a datagram, 3 of them copies, and each recv one message (3 answered)"],
        ),
        ("oversized --loss c2s:100%", &["TCP cut"], &["TCP never got a connection (0 of 5"]),
        (
            "oversized.fragment-lost",
            &[],
            &["The same packet was lost", "TCP sent again what was in"],
        ),
        (
            "oversized.fragment-lost --drop syn",
            &["The same packet", "other pieces", "sent again"],
            &["Over UDP every piece arrived: replied"],
        ),
        ("oversized.fragment-lost --loss c2s:100%", &["for nothing"], &["no piece arrived"]),
    ]);
}

#[test]
fn bytes_are_missed_where_they_were_lost() {
    const CLOSED: &str = "window closed";
    const BUFFER: &str = "died in the receiver's own buffer";
    check(&[
        ("slow-reader", &["lost by the wire"], &[CLOSED, "1,788,000 of them died"]),
        (
            "slow-reader --loss 30%",
            &[CLOSED, "1,788,000"],
            &["1,200,000 died in the receiver's own buffer, 588,000 were lost by the wire"],
        ),
        (
            "slow-reader --rate 10kbit",
            &[CLOSED, BUFFER],
            &["1,933,000 found the wire's queue full"],
        ),
        (
            "slow-reader --drop c2s:1 --drop s2c:1",
            &[CLOSED, "every byte"],
            &["no connection came about in time", "1,000 were lost by the wire"],
        ),
    ]);
}

#[test]
fn an_end_is_told_only_to_whom_it_came() {
    const AT_ONCE: &str = "a RST told the server at once";
    const ICMP: &str = "met nobody (ICMP)";
    check(&[
        ("close-vs-shutdown", &[], &["FIN closed one direction; it still got its 3 answers"]),
        ("close-vs-shutdown --loss c2s:100%", &["FIN closed"], &["there was no connection"]),
        ("close-vs-shutdown.reset", &[], &[AT_ONCE, ICMP]),
        ("close-vs-shutdown.reset --loss c2s:100%", &[AT_ONCE, ICMP], &["no connection to reset"]),
        ("close-vs-shutdown.reset --work 2s", &[ICMP], &[AT_ONCE, "nobody was told"]),
        ("out-of-range-shutdown", &["nobody to tell"], &["over UDP: BYE", "it may be lost"]),
        (
            "out-of-range-shutdown --semantics at-least-once",
            &["it may be lost"],
            &["remembers no client has nobody to tell"],
        ),
        ("out-of-range-shutdown --duplicate-cache off", &["it may be lost"], &["nobody to tell"]),
        (
            "out-of-range-shutdown --goodbye off",
            &["nobody to tell"],
            &["over UDP: not until it asks"],
        ),
        (
            "out-of-range-shutdown --semantics maybe",
            &["not until it asks", "a goodbye"],
            &["over UDP: nothing, the server was never stopped", "carries no cookie"],
        ),
        ("ctrl-c-drain", &[], &["Of the 4 requests in flight 4 were answered"]),
        ("ctrl-c-drain --duplicate-cache off", &["can be asked for"], &["could not repeat"]),
        ("ctrl-c-drain --loss c2s:100%", &["Of the 4"], &["no request was in flight"]),
    ]);
}

#[test]
fn a_death_is_told_as_each_client_met_it() {
    const AT_ONCE: &str = "TCP is told at once";
    const DATAGRAM: &str = "over UDP only the next datagram finds out";
    check(&[
        ("server-killed", &[], &[AT_ONCE, DATAGRAM, "Neither says whether"]),
        ("server-killed --semantics maybe", &[DATAGRAM], &[AT_ONCE, "no second datagram left"]),
        ("server-killed --loss c2s:100%", &[AT_ONCE, DATAGRAM], &["before the server was killed"]),
        ("server-killed --work 0ms", &[AT_ONCE, DATAGRAM, "Neither"], &["the answer had left"]),
        (
            "server-killed --duplicate 100%",
            &[DATAGRAM],
            &["the wire's copy of a datagram was refused"],
        ),
        (
            "server-killed.rst --loss 50% --timeout 3s",
            &[DATAGRAM],
            &["over UDP no datagram found out"],
        ),
        ("server-killed.restart", &[], &["executed twice over TCP", "as a copy with the same id"]),
        (
            "server-killed.restart --clients 3",
            &["which had given up"],
            &["The questions of 3 clients", "each once before", "as a copy with the same id"],
        ),
        (
            "server-killed.restart --retransmissions 0",
            &["At most once"],
            &["had given up, as a new question", "A new question has a new id"],
        ),
        (
            "server-killed.restart --loss c2s:100%",
            &["once before", "At most"],
            &["0 after it came"],
        ),
        ("server-killed.power-off", &[], &["look the same"]),
        ("server-killed.power-off --work 0ms", &["look the same"], &["What was answered had left"]),
        ("server-killed.reboot", &[], &["still believed in one", "met a RST"]),
        ("server-killed.reboot --loss c2s:100%", &["believed", "RST"], &["had none left"]),
    ]);
}

#[test]
fn a_second_client_is_told_what_it_met() {
    const SILENCE: &str = "Then silence: its question waited unread until the first had left";
    const THERE: &str = "answered while the first was still there";
    check(&[
        (
            "second-client-serial",
            &[SILENCE],
            &[
                "connected after 50 ms",
                "only to say BUSY, 100 ms after",
                "answered after 100",
                THERE,
            ],
        ),
        ("second-client-serial.queue", &["BUSY", "Asked again"], &[SILENCE, THERE]),
        (
            "second-client-serial.queue --timeout 1s",
            &[SILENCE],
            &[
                "waited without a word: the program gave up by its own clock, after 1 s",
                "executed it all the same",
                "Asked again when the first had left, it was answered",
            ],
        ),
        ("second-client-serial --loss c2s:100%", &["BUSY", THERE], &["got no connection: the"]),
        ("second-client-serial --delay 2s", &["BUSY", "silence", THERE], &["answered after 8 s"]),
        ("second-client-serial --work 2s", &[THERE], &["Over UDP it was answered after 2.0 s"]),
    ]);
}

#[test]
fn who_waited_for_the_sleeper_is_counted() {
    const LATER: &str = "all 9 were answered later";
    const ELSEWHERE: &str = "Elsewhere only the sleeper's own task waited";
    const HALF: &str = "half a message cannot exist";
    check(&[
        (
            "slow-client-models",
            &["busy", "thread waited"],
            &[
                "0 (TCP, serial), 9 (TCP, tasks), 9 (UDP, serial)",
                LATER,
                ELSEWHERE,
                HALF,
                "Threads",
            ],
        ),
        (
            "slow-client-models --net loopback",
            &["need this computer's own"],
            &["own thread, or line in its list, or task waited", LATER, HALF],
        ),
        ("slow-client-models.busy", &[LATER], &["told all 9 that it was busy", ELSEWHERE]),
        (
            "slow-client-models --timeout 1s",
            &["later"],
            &["serial server waits with whom it serves.", ELSEWHERE],
        ),
        ("slow-client-models --delay 2s", &[ELSEWHERE, HALF], &["5 of 9 were answered later"]),
        ("slow-client-models --timeout 1ms", &["A serial", ELSEWHERE, HALF], &["0 (UDP, serial)"]),
    ]);
}

#[test]
fn what_a_crowd_costs_is_counted() {
    const EACH: &str = "one for each and one that listens";
    const AGAIN: &str = "Our clients sent";
    check(&[
        (
            "many-clients",
            &[AGAIN],
            &["100 clients asked", "101 sockets, one for each", "1 socket."],
        ),
        ("many-clients --clients 3 --loss 30%", &[], &["3 clients asked", AGAIN]),
        ("many-clients --clients 5 --loss c2s:100%", &[EACH], &["0 of 25 over TCP, 0 of 25"]),
    ]);
}

#[test]
fn who_got_the_port_is_said_as_it_was() {
    const MINUTE: &str = "On Linux that lasts a minute";
    check(&[
        (
            "port-in-use --net loopback",
            &["did not get it"],
            &["A port is one socket's", "got the same number", "asked again and was answered"],
        ),
        (
            "port-in-use.restart --net loopback",
            &[MINUTE],
            &["keeps 1 connection in TIME-WAIT", "With SO_REUSEADDR the server got its port"],
        ),
        (
            "port-in-use.restart --no-reuseaddr --net loopback",
            &["got its port again"],
            &["Without SO_REUSEADDR the server could not listen", MINUTE, "free at once"],
        ),
        // Who resets the connection leaves nothing in TIME-WAIT.
        (
            "port-in-use.no-reuseaddr --work 2s --timeout 1s --net loopback",
            &[MINUTE, "closed first"],
            &["No connection was in TIME-WAIT", "Without SO_REUSEADDR the server got its port"],
        ),
    ]);
}

#[test]
fn places_and_names_are_told_as_they_were_taken() {
    const BUSY: &str = "before it read BUSY";
    const LOST: &str = "its BYE was lost";
    check(&[
        ("client-limit", &[LOST], &[BUSY, "in answer to its HELLO", "E is Client04 over both"]),
        ("client-limit --timeout 1ms", &[BUSY, "place"], &["nobody was let in: timed out (4)"]),
        ("client-limit --semantics maybe", &["HELLO"], &[BUSY, "a bare datagram opens no session"]),
        ("client-limit.bye-lost", &[BUSY], &[LOST, "over TCP 1.0 s later", "at its second try"]),
        ("client-limit.bye-lost --drop syn", &[LOST, "second try"], &["25 ms later, over both"]),
    ]);
}

#[test]
fn silence_and_new_addresses_are_told_as_each_transport_met_them() {
    const STALE: &str = "met STALE";
    const READ: &str = "and A read it 3.0 s later";
    const RST: &str = "belongs to no connection there (RST)";
    check(&[
        ("idle-expiry", &[STALE], &["FIN, and A read", "BYE, and A read", "by its silence alone"]),
        (
            "idle-expiry --delay 2s",
            &["A's last question was answered"],
            &["A had asked when the server's FIN came, 2 s later", "when the server's BYE came"],
        ),
        ("idle-expiry --loss 20%", &["no goodbye came"], &["the goodbye came while", STALE]),
        ("idle-expiry --loss c2s:100%", &[READ], &["never had a session", "it never had one"]),
        ("idle-expiry.bye-lost", &["said BYE"], &[STALE, "said FIN", "4 RTT"]),
        ("idle-expiry.bye-lost --drop syn", &[STALE], &["BYE, and A read"]),
        ("address-change", &[], &[RST, "Client01 is half-open: 2 places", "is still Client01"]),
        ("address-change --loss 100%", &[RST, "half-open"], &["no session to move"]),
        ("address-change --no-validate", &["proven"], &["it was not asked to prove"]),
    ]);
}

#[test]
fn forgeries_are_told_as_they_were_met() {
    const TOOK: &str = "took the first that bore the server's address";
    const COOKIE: &str = "it asks for a cookie first";
    check(&[
        ("spoofed", &["Another"], &[TOOK, "nobody there believed it", COOKIE]),
        ("spoofed --delay 2s", &["80"], &["for the answer to 26, and computes 125"]),
        ("spoofed --semantics maybe", &["nobody there"], &[TOOK, "Another client believed it"]),
        ("spoofed --drop reply:1", &[TOOK], &["believed none this time"]),
        ("spoofed --loss s2c:100%", &[TOOK, "proven the"], &["No forged answer reached", COOKIE]),
        ("spoofed --loss c2s:100%", &[COOKIE], &["no forged 101 reached the server"]),
        ("spoofed.no-validate", &[COOKIE], &["one forged 101 stopped it"]),
    ]);
}

#[test]
fn a_file_is_told_as_far_as_it_came() {
    const WHOLE: &str = "All three files are byte for byte the server's";
    check(&[
        ("file-transfer", &["Sent again"], &[WHOLE, "23 round trips are the least"]),
        ("file-transfer.loss", &[], &[WHOLE, "Sent again: "]),
        (
            "file-transfer --loss s2c:100%",
            &[WHOLE, "round trips"],
            &["UDP, window 8: 0 bytes, timed out (4)"],
        ),
        ("file-transfer --semantics maybe", &[WHOLE], &["a bare datagram opens no session"]),
        ("file-transfer --delay 0ms", &["round trips"], &["little to wait for"]),
    ]);
}

/// What may be asked of any scenario.
const OPTIONS: &[&str] = &[
    "",
    "--timeout 500ms",
    "--timeout off",
    "--loss 30%",
    "--loss c2s:100%",
    "--loss s2c:100%",
    "--drop syn",
    "--drop reply:1",
    "--duplicate 100%",
    "--reorder 50% --jitter 20ms",
    "--rate 10kbit",
    "--semantics maybe",
    "--semantics at-least-once",
    "--duplicate-cache off",
    "--retransmissions 0",
    "--work 2s",
    "--clients 3",
    "--exchanges 1",
];

/// What no sentence says: wrong plurals and seams of the templates.
const NEVER: &[&str] = &[
    "  ",
    " .",
    " ,",
    "..",
    ",,",
    " ()",
    "0 connection",
    "1 datagrams",
    "1 segments",
    "1 questions",
    "1 packets",
    "1 were",
    "1 copies",
    "None",
    "TCP TCP",
    "after -",
];

/// How outcomes are named in sentences, and in the metrics.
const OUTCOMES: &[(&str, &str)] = &[
    ("timed out (4)", "timed_out"),
    ("refused (3)", "refused"),
    ("outcome unknown (9)", "outcome_unknown"),
    ("broken off: ", "broken_off"),
    ("ever ended it", "still_waiting"),
];

#[test]
fn whatever_is_asked_for_the_sentences_are_whole_and_name_outcomes_that_occur() {
    let mut failures = Vec::new();
    let mut looked_at = 0;
    for scenario in SCENARIOS {
        for options in OPTIONS {
            let line = format!("{} {options}", scenario.name);
            // What cannot be asked of this scenario is refused, with a reason.
            let Some(report) = report(&line) else { continue };
            looked_at += 1;
            let said = report["explanation"].as_str().unwrap_or_default();
            let wrong = wrong_in(said, &report, scenario.script.clients.len());
            failures.extend(wrong.map(|wrong| format!("{line}: {wrong}\n  {said}")));
        }
    }
    assert!(looked_at > SCENARIOS.len() * OPTIONS.len() / 2, "only {looked_at} reports");
    assert!(failures.is_empty(), "{} sentences:\n{}", failures.len(), failures.join("\n"));
}

/// Returns what is wrong with these sentences, if anything.
fn wrong_in(said: &str, report: &Value, clients: usize) -> Option<String> {
    if said.is_empty() || !said.ends_with('.') {
        return Some("no whole sentence".to_owned());
    }
    if let Some(seam) = NEVER.iter().find(|seam| within(said, seam)) {
        return Some(format!("{seam:?}"));
    }
    // Where several clients do different things, the metrics name the outcome of one only.
    if clients > 1 {
        return None;
    }
    let columns = report["columns"].as_array()?;
    let met = |outcome: &str| {
        columns.iter().any(|column| column["metrics"]["outcome"].as_str() == Some(outcome))
    };
    let named = OUTCOMES.iter().find(|(words, name)| said.contains(words) && !met(name));
    named.map(|(words, _)| format!("names {words:?}, which did not happen"))
}

/// Returns whether text contains something, where a number is not the end of a longer one.
fn within(text: &str, wanted: &str) -> bool {
    text.match_indices(wanted).any(|(place, _)| {
        let before = text[..place].chars().next_back();
        let numeral = wanted.starts_with(|first: char| first.is_ascii_digit());
        !numeral
            || !before
                .is_some_and(|before| before.is_ascii_digit() || before == '.' || before == ',')
    })
}
