//! The bare copy of a file through a socket: one program reads the file and writes it to whoever
//! connects, the other reads from the connection, hashes and writes to a file. Nothing is announced,
//! nothing checked on the way.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use sha2::{Digest, Sha256};
use socklab::service::files::hexadecimal;

/// The kinds of reference.
pub(crate) const SENDER: &str = "sender";
pub(crate) const RECEIVER: &str = "receiver";

/// What is copied at a time: large beside the cost of a call, small beside the caches.
const PIECE: usize = 64 << 10;

/// `PATH`: sends the file to everyone who connects, one after the other, until it is killed.
pub(crate) fn send(arguments: &[String]) -> io::Result<()> {
    let [path] = arguments else { return Err(io::ErrorKind::InvalidInput.into()) };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("Server is ready to receive on tcp {}", listener.local_addr()?);
    loop {
        let (mut stream, _) = listener.accept()?;
        pass_on(&mut File::open(path)?, |bytes| stream.write_all(bytes))?;
    }
}

/// `ADDRESS PATH`: writes what comes to a new file, and prints its SHA-256.
pub(crate) fn receive(arguments: &[String]) -> io::Result<()> {
    let [address, path] = arguments else { return Err(io::ErrorKind::InvalidInput.into()) };
    let mut stream = TcpStream::connect(address)?;
    let (mut file, mut hash) = (File::create_new(path)?, Sha256::new());
    pass_on(&mut stream, |bytes| {
        hash.update(bytes);
        file.write_all(bytes)
    })?;
    println!("{}", hexadecimal(&hash.finalize()));
    Ok(())
}

fn pass_on(from: &mut impl Read, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut buffer = vec![0; PIECE];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(()),
            length => take(&buffer[..length])?,
        }
    }
}
