//! The pictures: well-formed, told apart on one page, readable in light and dark.

use roxmltree::{Document, Node};
use socklab::trace::svg::{arrivals, ladder, timeline};
use socklab::trace::{Note, Place};

use super::golden::{black_hole, fates, one_is_lost};
use super::*;

/// Every picture that the tests know, by name.
fn pictures() -> Vec<(String, String)> {
    let mut all: Vec<_> = many()
        .into_iter()
        .map(|(name, trace)| (name.clone(), ladder(&trace, &name, "What happened <there> & then.")))
        .collect();
    all.push(("fates".to_owned(), ladder(&fates(), "fates", "Everything.")));
    all.push(("timeline".to_owned(), timeline(&black_hole(), "black-hole", "Waits double.")));
    all.push(("arrivals".to_owned(), arrivals(&one_is_lost(), "loss", "One is lost.")));
    all.push(("empty".to_owned(), ladder(&Trace::default(), "", "")));
    all.push(("no rows".to_owned(), timeline(&[], "", "")));
    all.push(("no series".to_owned(), arrivals(&[], "", "")));
    if let Some(folder) = std::env::var_os("SVG_DIR") {
        for (name, picture) in &all {
            std::fs::write(std::path::Path::new(&folder).join(format!("{name}.svg")), picture)
                .expect("a file");
        }
    }
    all
}

fn elements<'a>(document: &'a Document<'a>, name: &'a str) -> impl Iterator<Item = Node<'a, 'a>> {
    document.descendants().filter(move |node| node.has_tag_name(name))
}

#[test]
fn a_screen_reader_finds_title_and_description() {
    for (name, picture) in pictures() {
        let document = Document::parse(&picture).unwrap_or_else(|error| panic!("{name}: {error}"));
        let root = document.root_element();
        assert_eq!(root.attribute("role"), Some("img"));
        let named = root.attribute("aria-labelledby").expect("named").split(' ');
        let titled = elements(&document, "title").chain(elements(&document, "desc"));
        assert!(named.eq(titled.filter_map(|node| node.attribute("id"))), "{name}");
    }
    let picture = ladder(&fates(), "a <title>", "what & why");
    let document = Document::parse(&picture).expect("XML");
    assert_eq!(elements(&document, "title").next().and_then(|node| node.text()), Some("a <title>"));
    assert_eq!(elements(&document, "desc").next().and_then(|node| node.text()), Some("what & why"));
}

#[test]
fn pictures_on_one_page_do_not_share_their_ids() {
    let mut seen = std::collections::BTreeSet::new();
    for (name, picture) in pictures() {
        let document = Document::parse(&picture).expect("XML");
        for id in document.descendants().filter_map(|node| node.attribute("id")) {
            assert!(seen.insert(id.to_owned()) || name.starts_with("no "), "{name}: {id}");
        }
        let classes = document.descendants().filter_map(|node| node.attribute("class"));
        for class in classes.flat_map(str::split_whitespace) {
            assert!(class.starts_with("ladder-"), "{name}: {class}");
        }
    }
}

#[test]
fn the_same_run_gives_the_same_picture() {
    assert_eq!(pictures(), pictures());
}

#[test]
fn every_packet_has_its_label_once() {
    for (name, trace) in many() {
        let picture = ladder(&trace, &name, "");
        let document = Document::parse(&picture).expect("XML");
        let labels = elements(&document, "text").filter(|node| node.has_attribute("transform"));
        assert_eq!(labels.count(), trace.packets.len(), "{name}");
        let has_class = |node: &Node<'_, '_>, class: &str| {
            node.attribute("class").is_some_and(|all| all.split(' ').any(|one| one == class))
        };
        let strokes = elements(&document, "path").filter(|node| has_class(node, "ladder-lost"));
        let lost = trace.packets.iter().filter(|packet| packet.lost.is_some()).count();
        assert_eq!(strokes.count(), 2 * lost, "{name}");
        let heads = elements(&document, "path").filter(|node| has_class(node, "ladder-full"));
        let arrived = trace
            .packets
            .iter()
            .map(|packet| packet.arrivals.len() + usize::from(packet.duplicated.is_some()));
        assert_eq!(heads.count(), arrived.sum::<usize>(), "{name}");
    }
}

#[test]
fn all_that_is_drawn_stays_on_the_paper() {
    for (name, picture) in pictures() {
        let document = Document::parse(&picture).expect("XML");
        let number = |node: &Node<'_, '_>, key| node.attribute(key).and_then(|at| at.parse().ok());
        let height: f64 = number(&document.root_element(), "height").expect("a height");
        for node in document.descendants() {
            for (key, limit) in [("x", 900.0), ("cx", 900.0), ("y", height), ("cy", height)] {
                let at: f64 = number(&node, key).unwrap_or(1.0);
                assert!((0.0..=limit).contains(&at), "{name}: {key} {at}");
            }
        }
    }
}

#[test]
fn what_is_too_much_is_counted() {
    let mut trace = one(&WireConfig::default(), Transport::Udp);
    let note = |_| Note { at: trace.packets[1].sent, place: Place::Server, text: "busy".into() };
    trace.notes = (0..500).map(note).collect();
    let picture = ladder(&trace, "much", "");
    assert_eq!(picture.matches(">busy</text>").count(), 399);
    assert!(picture.contains("102 more packets and notes are not drawn."));
}

/// WCAG 2.2, "relative luminance" and "contrast ratio".
fn contrast(one: &str, other: &str) -> f64 {
    let luminance = |colour: &str| -> f64 {
        let part = |at: usize| {
            let value = u8::from_str_radix(&colour[at..at + 2], 16).expect("a colour");
            let share = f64::from(value) / 255.0;
            if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(0) + 0.7152 * part(2) + 0.0722 * part(4)
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn text_is_large_and_its_contrast_is_enough_in_light_and_dark() {
    let picture = ladder(&fates(), "", "");
    let style = picture.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>"));
    let (style, _) = style.expect("a style");
    let (light, dark) = style.split_once("@media").expect("a dark scheme");
    for scheme in [light, dark] {
        let fill = |class: &str| {
            let (_, rule) = scheme.split_once(&format!(".{class}{{")).expect(class);
            let (_, colour) = rule.split_once("fill:#").expect("a fill");
            colour[..6].to_owned()
        };
        for class in ["ladder-text", "ladder-quiet", "ladder-said-lost", "ladder-full"] {
            let ratio = contrast(&fill(class), &fill("ladder-paper"));
            assert!(ratio >= 4.5, "{class}: {ratio}");
        }
    }
    let sizes = regex::Regex::new("([0-9]+)px (system|;)|font-size:([0-9]+)px").expect("a pattern");
    let sizes: Vec<u32> = sizes
        .captures_iter(style)
        .filter_map(|found| found.get(1).or(found.get(3))?.as_str().parse().ok())
        .collect();
    assert!(sizes.len() == 3 && sizes.iter().all(|size| *size >= 13), "{sizes:?}");
}
