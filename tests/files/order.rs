//! Over TCP, files and messages that were asked for in one go come in the order of asking.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

#[test]
fn a_file_stands_between_the_replies_before_and_after_it() {
    let bytes = noise(300_000);
    for model in [Model::Serial, Model::Threads, Model::Poll, Model::Tasks] {
        let (_kept, folder) = self::folder(&[("a", &bytes), ("empty", b"")]);
        served_by(model, folder, async |place: Place<Kernel>| in_order(&place, &bytes).await);
    }
}

async fn in_order(place: &Place<Kernel>, bytes: &[u8]) {
    let mut stream = TcpStream::connect(place.server).await.expect("a server");
    let requests = b"hello\nget a 0\nbye\nget nothing 0\nget empty 0\nlist\nexit\n";
    stream.write_all(requests).await.expect("room");
    let mut received = Vec::new();
    stream.read_to_end(&mut received).await.expect("the server closes");

    let mut expected = b"Client01\nhelloACK\n".to_vec();
    let head = format!("FILE a 300000 {}\n", sha256(bytes));
    expected.extend_from_slice(head.as_bytes());
    expected.extend_from_slice(bytes);
    let rest = format!(
        "byeACK\nERR not found: list says which files there are\nFILE empty 0 {}\na / empty\n",
        sha256(b"")
    );
    expected.extend_from_slice(rest.as_bytes());
    assert!(received.starts_with(&expected), "{}", String::from_utf8_lossy(&received[..200]));
    let goodbye = &received[expected.len()..];
    assert_eq!(goodbye.iter().filter(|byte| **byte == b'\n').count(), 1, "one line for exit");
}

#[test]
fn a_client_that_sends_its_requests_and_a_fin_still_gets_the_whole_file() {
    let bytes = noise(300_000);
    let (_kept, folder) = self::folder(&[("a", &bytes)]);
    on_loopback(folder, |place| async move {
        let mut stream = TcpStream::connect(place.server).await.expect("a server");
        stream.write_all(b"get a 0\nlast words\n").await.expect("room");
        stream.shutdown().await.expect("a FIN");
        let mut received = Vec::new();
        stream.read_to_end(&mut received).await.expect("the server closes");
        let head = format!("Client01\nFILE a 300000 {}\n", sha256(&bytes));
        let expected = [head.as_bytes(), &bytes, b"last wordsACK\n"].concat();
        assert!(received == expected, "{} bytes", received.len());
    });
}
