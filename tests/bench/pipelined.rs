//! What a calculator keeps while a client writes it expressions and does not care to read: 1 MB of
//! them, on one connection. It must stop reading, not buffer.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socklab::server::Model;

use crate::contender::Contender;
use crate::load::{PATIENCE, Tally, wrong_reply};
use crate::process::Server;
use crate::report::Measured;
use crate::rows::Target;

/// Bytes of expressions.
const LENGTH: usize = 1_000_000;

/// What the server may grow by. It reads 64 KiB at a time, makes room for replies twice as long, and
/// stops reading while 64 KiB of replies wait to leave.
pub(crate) const MOST_GROWTH: usize = (64 + 128 + 64) * 1024;

const MODELS: [Model; 4] = [Model::Serial, Model::Threads, Model::Poll, Model::Tasks];

/// What is asked in turn, and what is answered.
const EXPRESSIONS: [(&str, &str); 4] =
    [("2 * (3 + 4)", "14"), ("4 / 2", "2"), ("-7 % 3", "-1"), ("0.1 + 0.2", "0.3")];

/// Growth of the most memory that was ever resident, of the model that grows most.
pub(crate) fn memory(target: Target) -> io::Result<Measured> {
    let (mut total, mut growths) = (Tally::default(), Vec::new());
    for model in MODELS {
        growths.push(growth(model, &mut total)?);
    }
    let named = |(model, growth): (Model, &u64)| format!("{} {} KiB", model.name(), growth / 1024);
    let each: Vec<String> = MODELS.into_iter().zip(&growths).map(named).collect();
    let rate = total.exchanges as f64 / total.elapsed.as_secs_f64();
    let most = growths.into_iter().max().unwrap_or_default();
    Ok(Measured {
        ours: format!("{most} B"),
        reference: "-".to_owned(),
        ratio: "-".to_owned(),
        met: target.is_met(most as f64),
        total,
        remark: Some(format!(
            "growth of the peak: {}; {:.1} M expressions a second",
            each.join(", "),
            rate / 1e6
        )),
    })
}

fn growth(model: Model, total: &mut Tally) -> io::Result<u64> {
    let server = Server::start(Contender::Calculator(model), "tcp")?;
    let mut stream = TcpStream::connect(server.address)?;
    stream.set_nodelay(true)?;
    // A first exchange brings in what is there once.
    let warm_up = EXPRESSIONS.len();
    total.add(&write_and_read(&mut stream, warm_up)?);
    let before = server.peak_memory()?;
    let length: usize = EXPRESSIONS.iter().map(|(expression, _)| expression.len() + 1).sum();
    total.add(&write_and_read(&mut stream, LENGTH.div_ceil(length) * EXPRESSIONS.len())?);
    Ok(server.peak_memory()?.saturating_sub(before))
}

/// Writes as long as there is room, and reads only when there is none: the worst of clients that
/// still read at all. Every reply is checked.
fn write_and_read(stream: &mut TcpStream, count: usize) -> io::Result<Tally> {
    let requests = lines(count, |(expression, _)| expression);
    let replies = lines(count, |(_, value)| value);
    let patience = Timespec::try_from(PATIENCE).map_err(io::Error::other)?;
    stream.set_nonblocking(true)?;
    let start = Instant::now();
    let (mut written, mut received) = (0, 0);
    let mut scratch = vec![0; 64 << 10];
    while received < replies.len() {
        let writing = written < requests.len();
        let flags = if writing { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        let mut waiting = [PollFd::new(stream, flags)];
        if poll(&mut waiting, Some(&patience))? == 0 {
            return Err(ErrorKind::TimedOut.into());
        }
        if waiting[0].revents().contains(PollFlags::OUT) {
            written += stream.write(&requests[written..])?;
        } else {
            let length = stream.read(&mut scratch)?;
            if length == 0 || !replies[received..].starts_with(&scratch[..length]) {
                return Err(wrong_reply(&scratch[..length]));
            }
            received += length;
        }
    }
    Ok(Tally { exchanges: count as u64, elapsed: start.elapsed(), ..Tally::default() })
}

fn lines(count: usize, text: impl Fn(&(&'static str, &'static str)) -> &'static str) -> Vec<u8> {
    let lines = EXPRESSIONS.iter().cycle().take(count);
    lines.flat_map(|it| [text(it).as_bytes(), b"\n"].concat()).collect()
}
