//! A byte stream has no boundaries: wherever it is cut, the messages are the same.

use proptest::collection::vec;
use proptest::prelude::*;
use socklab::protocol::Input;
use socklab::protocol::event::EventKind;
use socklab::protocol::framing::{Decoder, Framing, FramingError};
use socklab::protocol::stream::StreamConfig;
use socklab::time::Timestamp;

use crate::by_hand::ms;

use crate::cases;
use crate::stream_by_hand::{ConnectionByHand, StreamClientByHand};

/// Short, so that lines of about this length are drawn often.
const MAX_MESSAGE: usize = 24; // bytes

/// A line with its end: most are requests; some are malformed, of the greatest length or beyond,
/// or no text at all.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let request = ("[A-Zë✓]{1,4}", 1..=100u8).prop_map(|(name, number)| format!("{name};{number}"));
    let long = "x{20,30}";
    let message = prop_oneof![
        8 => request.prop_map(String::into_bytes),
        1 => Just(b"A;101".to_vec()),
        1 => "[a-z;]{0,10}".prop_map(String::into_bytes),
        1 => long.prop_map(String::into_bytes),
        1 => (long, vec(any::<u8>(), 1..4)).prop_map(|(text, noise)| [text.into_bytes(), noise].concat()),
        1 => vec(any::<u8>().prop_filter("no line end", |byte| *byte != b'\n'), 0..12),
    ];
    (message, any::<bool>()).prop_map(|(mut line, carriage_return)| {
        line.extend_from_slice(if carriage_return { b"\r\n" } else { b"\n" });
        line
    })
}

prop_compose! {
    /// A stream of lines, perhaps with half a line at its end, and where it is cut.
    fn stream()(
        lines in vec(line(), 1..12),
        half in prop_oneof![2 => Just(String::new()), 1 => "[A-Zë;]{1,6}"],
        lengths in vec(1..12usize, 1..20),
    ) -> (Vec<u8>, Vec<usize>) {
        ([lines.concat(), half.into_bytes()].concat(), lengths)
    }
}

/// Cuts `bytes` into pieces of these lengths, over and over.
fn pieces<'a>(bytes: &'a [u8], lengths: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = bytes;
    lengths.iter().cycle().map_while(move |length| {
        let (piece, behind) = rest.split_at(rest.len().min(*length));
        rest = behind;
        (!piece.is_empty()).then_some(piece)
    })
}

fn messages(decoder: &mut Decoder) -> Vec<Result<String, FramingError>> {
    let mut messages = Vec::new();
    while let Some(message) = decoder.next_message(Timestamp::ZERO) {
        messages.push(message.map(str::to_owned));
    }
    messages
}

/// Returns the messages up to the first that is none: behind that a session takes no more.
fn until_error(
    mut messages: Vec<Result<String, FramingError>>,
) -> Vec<Result<String, FramingError>> {
    if let Some(error) = messages.iter().position(Result::is_err) {
        messages.truncate(error + 1);
    }
    messages
}

/// Returns everything that can be seen of a connection that reads `pieces` and then a FIN.
fn conversation<'a>(
    framing: Framing,
    pieces: impl Iterator<Item = &'a [u8]>,
    pause: u64,
) -> (String, Vec<String>, Vec<EventKind>) {
    let mut connection = ConnectionByHand::new(&StreamConfig {
        framing,
        max_message: MAX_MESSAGE,
        ..StreamConfig::default()
    });
    let mut done = Vec::new();
    for piece in pieces {
        done.append(&mut connection.reads(piece));
        done.append(&mut connection.waits(ms(pause)));
    }
    done.append(&mut connection.receives(Input::EndOfStream));
    let events = connection.events();
    (done.concat(), connection.service.executed, events)
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn any_cut_gives_the_same_messages((bytes, lengths) in stream()) {
        let mut whole = Decoder::new(Framing::Line, MAX_MESSAGE);
        whole.push(&bytes, Timestamp::ZERO);
        let expected = until_error(messages(&mut whole));
        let mut cut = Decoder::new(Framing::Line, MAX_MESSAGE);
        let mut found = Vec::new();
        for piece in pieces(&bytes, &lengths) {
            cut.push(piece, Timestamp::ZERO);
            found.append(&mut messages(&mut cut));
        }
        prop_assert_eq!(until_error(found), expected);
    }

    /// Also if a little time passes between the pieces; less than a second for all of them, for so
    /// long the session listens after an error.
    #[test]
    fn any_cut_gives_the_same_replies_executions_and_ending(
        (bytes, lengths) in stream(),
        auto: bool,
        pause in 0..3u64,
    ) {
        let framing = if auto { Framing::Auto } else { Framing::Line };
        let whole = conversation(framing, std::iter::once(bytes.as_slice()), 0);
        let cut = conversation(framing, pieces(&bytes, &lengths), pause);
        prop_assert_eq!(cut, whole);
    }

    #[test]
    fn any_cut_gives_the_client_the_same_endings((bytes, lengths) in stream()) {
        let story = |pieces: &mut dyn Iterator<Item = &[u8]>| {
            let mut client = StreamClientByHand::new(Framing::Auto);
            for _ in 0..8 {
                client.asks("A;25", None);
            }
            for piece in pieces {
                client.receives(Input::Bytes(piece));
            }
            client.receives(Input::EndOfStream);
            client.story()
        };
        let whole = story(&mut std::iter::once(bytes.as_slice()));
        prop_assert_eq!(story(&mut pieces(&bytes, &lengths)), whole);
    }
}
