//! Whatever is in a file, and however long it is: the same bytes arrive.

use super::*;

/// Bytes of a file that just fit behind the line of a first reply over UDP, for a name of one letter.
fn one_block() -> usize {
    let line = format!("FILE a 1000 {}\n", sha256(b""));
    1176 - line.len()
}

async fn comes_whole<N: Net>(place: &Place<N>, name: &str, bytes: &[u8]) {
    for transport in BOTH {
        let (fetched, sink) = place.fetch(transport, &format!("get {name} 0")).await;
        assert!(matches!(fetched, Fetched::Whole), "{transport} {name}: {fetched:?}");
        let head = format!("FILE {name} {} {}", bytes.len(), sha256(bytes));
        assert_eq!(sink.head, Some(head), "{transport}");
        assert!(sink.bytes == bytes, "{transport} {name}: other bytes");
    }
}

#[test]
fn files_of_every_length_around_a_block_arrive() {
    let block = one_block();
    for length in [0, 1, block - 1, block, block + 1, 2 * block + 30, 3 * block] {
        let bytes = noise(length);
        let (_kept, folder) = self::folder(&[("a", &bytes)]);
        on_loopback(folder, |place| async move { comes_whole(&place, "a", &bytes).await });
    }
}

#[test]
fn bytes_that_mean_something_to_the_protocol_mean_nothing_in_a_file() {
    let bytes = b"\xF9\n\r\nERR no\nFILE b 5 x\n\xF9\xFF\0PART 1 2\n\n".repeat(100);
    let (_kept, folder) = self::folder(&[("a", &bytes)]);
    on_loopback(folder, |place| async move { comes_whole(&place, "a", &bytes).await });
}

#[test]
fn long_files_and_names_with_spaces_arrive() {
    let (long, longer) = (noise(200_000), noise(5_000_000));
    let files: [(&str, &[u8]); 2] = [("my report 2", &long), ("long.bin", &longer)];
    let (_kept, folder) = self::folder(&files);
    on_loopback(folder, |place| async move {
        comes_whole(&place, "my report 2", &long).await;
        comes_whole(&place, "long.bin", &longer).await;
    });
}

#[test]
fn every_model_of_server_gives_files_out() {
    let bytes = noise(1_000_000);
    for model in [Model::Serial, Model::Threads, Model::Poll, Model::Tasks] {
        let (_kept, folder) = self::folder(&[("a", &bytes), ("short", b"short")]);
        let place = async |place: Place<Kernel>| {
            comes_whole(&place, "a", &bytes).await;
            comes_whole(&place, "short", b"short").await;
        };
        served_by(model, folder, place);
    }
}

#[test]
fn a_file_can_be_had_from_any_byte_on() {
    let bytes = noise(10_000);
    let (_kept, folder) = self::folder(&[("a", &bytes)]);
    on_loopback(folder, |place| async move {
        let version = sha256(&bytes)[..16].to_owned();
        for transport in BOTH {
            for offset in [1, 1_100, 9_999, 10_000] {
                for request in [format!("get a {offset}"), format!("get a {offset} {version}")] {
                    let (fetched, sink) = place.fetch(transport, &request).await;
                    assert!(matches!(fetched, Fetched::Whole), "{transport} {request}");
                    assert!(sink.bytes == bytes[offset..], "{transport} {request}");
                }
            }
        }
    });
}

#[test]
fn a_message_that_is_the_name_of_a_file_brings_the_file() {
    let (_kept, folder) = self::folder(&[("notes.txt", b"one\ntwo\n"), ("report 2024", b"done")]);
    on_loopback(folder, |place| async move {
        for transport in BOTH {
            let (fetched, sink) = place.fetch(transport, "notes.txt").await;
            assert!(matches!(fetched, Fetched::Whole), "{transport}");
            assert_eq!(sink.bytes, b"one\ntwo\n");
            let (fetched, sink) = place.fetch(transport, "notes").await;
            assert!(matches!(fetched, Fetched::Line(line) if line == "notesACK"));
            assert_eq!(sink.head, None);
        }
    });
}

#[test]
fn a_number_behind_a_name_belongs_to_it_if_there_is_no_shorter_one() {
    let (_kept, folder) = self::folder(&[("report 2024", b"done")]);
    on_loopback(folder, |place| async move {
        for transport in BOTH {
            let (fetched, sink) = place.fetch(transport, "get report 2024").await;
            assert!(matches!(fetched, Fetched::Whole), "{transport} {fetched:?}");
            assert_eq!(sink.bytes, b"done", "{transport}");
        }
    });
}

#[test]
fn two_hundred_megabytes_pass_over_tcp_while_others_chat() {
    const LENGTH: u64 = 200 * 1024 * 1024;
    let (kept, folder) = self::folder(&[]);
    let file = std::fs::File::create(kept.path().join("sparse.img")).expect("a file");
    file.set_len(LENGTH).expect("a sparse file");
    on_loopback(folder, |place| async move {
        let mut other = place.join(Transport::Udp, 1).await;
        let mut conversation = place.join(Transport::Tcp, 1).await;
        let mut sink = Counted(0, 0);
        let fetching = fetch(&mut conversation, "get sparse.img 0", fetching(1), &mut sink);
        let chatting = async {
            other.ask(Question::line("are you there?"), None);
            answer(&mut other).await
        };
        let (fetched, said) = tokio::join!(fetching, chatting);
        assert!(matches!(fetched, Ok(Fetched::Whole)));
        assert_eq!(said, Ending::Replied("are you there?ACK".to_owned()));
        let Counted(bytes, largest) = sink;
        assert_eq!(bytes, LENGTH);
        assert!(largest <= 64 * 1024, "pieces of {largest} bytes");
    });
}

static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// Counts what comes, and the largest piece of it.
struct Counted(u64, usize);

impl Sink for Counted {
    fn head(&mut self, _head: &Head<'_>) -> io::Result<()> {
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        assert!(bytes == &ZEROS[..bytes.len()]);
        self.0 += bytes.len() as u64;
        self.1 = self.1.max(bytes.len());
        Ok(())
    }
}
