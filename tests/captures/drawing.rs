//! The drawing of the header in docs/protocol.md, the codec, and the dissector say the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use regex::Regex;
use socklab::protocol::datagram::header::{
    ByeReason, COOKIE_LENGTH, HEADER_LENGTH, Header, MAGIC, Type,
};

/// Names in the drawing, where the dissector has others.
const RENAMED: [(&str, &str); 6] = [
    ("0xF9", "magic"),
    ("C", "with cookie"),
    ("I", "idempotent"),
    ("0", "reserved bits"),
    ("reserved, 0", "reserved"),
    (COOKIE, "cookie"),
];

/// The only row that is longer than drawn: it says so itself.
const COOKIE: &str = "cookie, 8 bytes, only if C is set";

/// Bits of the header, counted from its beginning.
type Bits = BTreeSet<usize>;

fn read(path: &str) -> String {
    fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).expect(path)
}

/// The fields as they are drawn, under the dissector's names: a bit is two columns wide.
fn drawn() -> BTreeMap<String, Bits> {
    let page = read("docs/protocol.md");
    let mut lines = page.lines().skip_while(|line| {
        *line != " 0                   1                   2                   3"
    });
    let rows =
        lines.by_ref().take_while(|line| *line != "```").filter(|line| line.starts_with('|'));
    let mut fields = BTreeMap::new();
    let mut next = 0;
    for cell in rows.flat_map(|row| row.trim_matches('|').split('|')) {
        let name = cell.trim();
        let bits = if name == COOKIE { COOKIE_LENGTH * 8 } else { cell.len().div_ceil(2) };
        let renamed = RENAMED.iter().find(|(drawn, _)| *drawn == name);
        let name = renamed.map_or(name, |(_, renamed)| renamed).to_lowercase();
        fields.insert(name, (next..next + bits).collect());
        next += bits;
    }
    fields
}

/// The fields of the dissector.
fn dissected() -> BTreeMap<String, Bits> {
    let lua = read("docs/socklab.lua");
    let row =
        Regex::new(r#"(?m)^  \{ "([a-z ]+)", (\d+), (\d+), 0x([0-9a-f]+),"#).expect("a pattern");
    let mut fields: BTreeMap<String, Bits> = row
        .captures_iter(&lua)
        .map(|row| {
            let [first, length] = [2, 3].map(|group| row[group].parse::<usize>().expect("digits"));
            let mask = u64::from_str_radix(&row[4], 16).expect("digits");
            let end = (first + length) * 8;
            let bits = (first * 8..end).filter(|bit| mask >> (end - 1 - bit) & 1 == 1);
            (row[1].to_owned(), bits.collect())
        })
        .collect();
    let constant = |name: &str| -> usize {
        let definition = format!("\nlocal {name} = ");
        let value = lua.split(&definition).nth(1).and_then(|rest| rest.lines().next());
        value.expect(name).parse().expect("digits")
    };
    let cookie = constant("HEADER_LENGTH") * 8;
    fields.insert("cookie".to_owned(), (cookie..cookie + constant("COOKIE_LENGTH") * 8).collect());
    fields
}

/// The bits in which a field is seen: those that differ between headers that differ in it alone.
fn written(headers: &[Header], payloads: &[&[u8]]) -> Bits {
    let mut all = Vec::new();
    for (header, payload) in headers.iter().flat_map(|h| payloads.iter().map(move |p| (h, p))) {
        let mut bytes = Vec::new();
        header.write(payload, &mut bytes);
        bytes.resize(HEADER_LENGTH + COOKIE_LENGTH, 0);
        all.push(bytes);
    }
    let bit = |bytes: &[u8], bit: usize| bytes[bit / 8] >> (7 - bit % 8) & 1;
    let differs = |at: &usize| all.iter().any(|bytes| bit(bytes, *at) != bit(&all[0], *at));
    (0..(HEADER_LENGTH + COOKIE_LENGTH) * 8).filter(differs).collect()
}

/// The fields that the codec can write.
fn coded() -> BTreeMap<String, Bits> {
    let plain = Header::new(Type::Request, 0, 0, 0);
    let bye =
        |code| Header { bye: Some(ByeReason::Other(code)), ..Header::new(Type::Bye, 0, 0, 0) };
    let cookie = |cookie| Header { cookie, ..plain };
    let long = vec![0; usize::from(u16::MAX)];
    let mut fields: BTreeMap<String, Bits> = [
        ("type", Type::ALL.map(|kind| Header::new(kind, 0, 0, 0)).to_vec()),
        ("with cookie", vec![plain, cookie(Some([0; COOKIE_LENGTH]))]),
        ("idempotent", vec![plain, Header { idempotent: true, ..plain }]),
        ("attempt", vec![plain, Header { attempt: u8::MAX, ..plain }]),
        ("bye reason", vec![bye(0), bye(u8::MAX)]),
        ("token", vec![plain, Header { token: u32::MAX, ..plain }]),
        ("message id", vec![plain, Header { message_id: u32::MAX, ..plain }]),
        ("cookie", vec![cookie(Some([0; COOKIE_LENGTH])), cookie(Some([0xFF; COOKIE_LENGTH]))]),
    ]
    .map(|(name, headers)| (name.to_owned(), written(&headers, &[b""])))
    .into();
    fields.insert("payload length".to_owned(), written(&[plain], &[b"", &long]));
    fields
}

#[test]
fn drawing_and_dissector_have_the_same_fields() {
    let drawn = drawn();
    assert_eq!(drawn.len(), 12, "{drawn:?}");
    assert_eq!(dissected(), drawn);
    let all: Bits = drawn.values().flatten().copied().collect();
    assert_eq!(all, (0..(HEADER_LENGTH + COOKIE_LENGTH) * 8).collect(), "no gap");
}

#[test]
fn the_codec_writes_where_the_drawing_says() {
    let mut drawn = drawn();
    for (name, bits) in coded() {
        assert_eq!(drawn.remove(&name), Some(bits), "{name}");
    }
    let rest: Vec<_> = drawn.keys().map(String::as_str).collect();
    assert_eq!(rest, ["magic", "reserved", "reserved bits"], "what never changes");
    let lua = read("docs/socklab.lua");
    assert!(lua.contains(&format!("\nlocal MAGIC = {MAGIC:#x}\n")));
}

/// A table of names in the dissector: `  [5] = "BYE",`.
fn names(table: &str) -> Vec<(u8, String)> {
    let lua = read("docs/socklab.lua");
    let body = lua.split(&format!("\nlocal {table} = {{\n")).nth(1).expect(table);
    let row = Regex::new(r#"\[(\d+)\] = "([^"]+)""#).expect("a pattern");
    let rows = body.split("\n}").next().expect("its end").lines();
    rows.map(|line| {
        let row = row.captures(line).expect("a row");
        (row[1].parse().expect("digits"), row[2].to_owned())
    })
    .collect()
}

#[test]
fn types_have_the_numbers_and_the_names_of_the_codec() {
    let expected = Type::ALL.map(|kind| (kind as u8, format!("{kind:?}").to_uppercase()));
    assert_eq!(names("TYPES"), expected);
    let page = read("docs/protocol.md");
    let named =
        Regex::new(r"(?m)^\| (\d+)(?:, (\d+))? \| ([A-Z]+)(?:, ([A-Z]+))? \|").expect("a pattern");
    let mut documented = Vec::new();
    for row in named.captures_iter(&page) {
        for (number, name) in [(1, 3), (2, 4)] {
            if let (Some(number), Some(name)) = (row.get(number), row.get(name)) {
                documented
                    .push((number.as_str().parse().expect("digits"), name.as_str().to_owned()));
            }
        }
    }
    assert_eq!(documented, expected, "docs/protocol.md");
}

#[test]
fn reasons_of_a_bye_have_the_numbers_of_the_codec() {
    let mut reasons = names("BYE_REASONS");
    assert_eq!(reasons.remove(0), (0, "none".to_owned()), "in what is no BYE");
    let known = (0..=u8::MAX).filter(|code| {
        let mut bytes = Vec::new();
        let header =
            Header { bye: Some(ByeReason::Other(*code)), ..Header::new(Type::Bye, 0, 0, 0) };
        header.write(b"", &mut bytes);
        let (header, _) = Header::parse(&bytes).expect("it was just written");
        !matches!(header.bye, Some(ByeReason::Other(_)))
    });
    assert_eq!(
        reasons.iter().map(|(code, _)| *code).collect::<Vec<_>>(),
        known.collect::<Vec<_>>()
    );
    let listed: Vec<_> = reasons.iter().map(|(code, name)| format!("{code} {name}")).collect();
    let row = format!("| BYE reason | {} |", listed.join(", "));
    assert!(read("docs/protocol.md").contains(&row), "docs/protocol.md lacks: {row}");
}
