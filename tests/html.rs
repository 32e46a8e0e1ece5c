//! The report that any browser shows, through `compare --html`: complete, the same bytes each time,
//! readable by eye and by ear.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use roxmltree::{Document, Node, ParsingOptions};
use serde_json::Value;

/// Runs `compare` and returns what it prints.
fn compare<'a>(arguments: impl IntoIterator<Item = &'a str>) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_compare"))
        .args(arguments)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .expect("compare starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    String::from_utf8(output.stdout).expect("text")
}

/// What `compare` wrote into a page, and what it printed. Each test names a file of its own.
fn written(file: &str, arguments: &[&str]) -> (String, String) {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(file);
    let html = ["--html", path.to_str().expect("a path")];
    let printed = compare(arguments.iter().copied().chain(html));
    let page = fs::read_to_string(&path).expect("a page");
    fs::remove_file(&path).expect("a page");
    (page, printed)
}

fn page(file: &str, arguments: &[&str]) -> String {
    written(file, arguments).0
}

/// A page is HTML and XML at once, so that it can be taken apart here.
fn parse(page: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(page, options).expect("well-formed")
}

fn named<'a>(node: Node<'a, 'a>, name: &'a str) -> impl Iterator<Item = Node<'a, 'a>> {
    node.descendants().filter(move |node| node.tag_name().name() == name)
}

/// All text in an element, with its spaces as they are shown.
fn text(node: Node<'_, '_>) -> String {
    let all: String =
        node.descendants().filter_map(|node| node.text().filter(|_| node.is_text())).collect();
    all.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn by_id<'a>(document: &'a Document<'a>, id: &str) -> Vec<Node<'a, 'a>> {
    document.descendants().filter(|node| node.attribute("id") == Some(id)).collect()
}

#[test]
fn the_same_command_writes_the_same_bytes_and_another_seed_others() {
    let seed = |file, seed| page(file, &["loss", "--exchanges", "20", "--seed", seed]);
    let one = seed("bytes-1.html", "1");
    assert_eq!(one, seed("bytes-2.html", "1"));
    assert_ne!(one, seed("bytes-3.html", "2"));
}

#[test]
fn everything_at_once_is_one_small_file_that_asks_for_nothing() {
    let page = page("all.html", &["all"]);
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
    let own = page.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    for outside in ["http:", "https:", "<script", "<link", "<img", "@import", "url(", " src="] {
        assert!(!own.contains(outside), "{outside}");
    }
    let document = parse(&page);
    let scenarios: Vec<&str> = named(document.root(), "section")
        .filter_map(|one| one.attribute("aria-labelledby"))
        .collect();
    assert!(scenarios.len() > 20, "{scenarios:?}");
    let links: Vec<&str> =
        named(document.root(), "a").filter_map(|a| a.attribute("href")).collect();
    for scenario in scenarios {
        assert!(links.contains(&format!("#{scenario}").as_str()), "no way to {scenario}");
    }
}

#[test]
fn what_is_too_large_is_left_out_with_the_command_that_draws_it() {
    // The first three each draw three ladders, some as long as a ladder may be.
    let names = ["loss", "duplicate", "setup-cost", "happy-path"];
    let page = page("large.html", &[&names[..], &["--loss", "10%", "--exchanges", "150"]].concat());
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
    let document = parse(&page);
    let mut left_out = 0;
    for section in named(document.root(), "section") {
        let words = text(section);
        let command = "--exchanges 150 --loss 10% --svg pictures";
        let is_left_out = words.contains("too large for this page") && words.contains(command);
        left_out += usize::from(is_left_out);
        assert_ne!(is_left_out, named(section, "svg").next().is_some(), "{words}");
    }
    assert!((1..names.len()).contains(&left_out), "{left_out} of {}", names.len());
}

#[test]
fn a_screen_reader_finds_its_way() {
    let page = page("reader.html", &["all"]);
    let document = parse(&page);
    assert_eq!(document.root_element().attribute("lang"), Some("en"));
    let levels = document.descendants().filter_map(|node| match node.tag_name().name() {
        "h1" => Some(1),
        "h2" => Some(2),
        "h3" => Some(3),
        "h4" | "h5" | "h6" => panic!("a deeper heading"),
        _ => None,
    });
    let levels: Vec<usize> = levels.collect();
    assert_eq!(levels.iter().filter(|level| **level == 1).count(), 1);
    assert_eq!(levels[0], 1);
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
    let first = named(document.root(), "body").flat_map(|body| body.children()).next();
    let target = first.and_then(|link| link.attribute("href")?.strip_prefix('#'));
    let target = by_id(&document, target.expect("a link"));
    assert!(target.len() == 1 && target[0].has_tag_name("main"));
    for table in named(document.root(), "table") {
        assert_eq!(named(table, "caption").count(), 1);
        assert!(named(table, "th").all(|th| th.attribute("scope").is_some()));
        assert!(named(table, "tr").all(|row| named(row, "th").next().is_some()));
    }
    assert!(named(document.root(), "figure").all(|one| named(one, "figcaption").count() == 1));
}

#[test]
fn every_picture_has_a_name_of_its_own_and_no_two_share_an_id() {
    let page = page("pictures.html", &["all"]);
    let document = parse(&page);
    let mut pictures = 0;
    for node in document.descendants().filter(|node| node.attribute("role") == Some("img")) {
        pictures += 1;
        let said = node.attribute("aria-labelledby").expect("a label");
        let said: Vec<_> = said.split(' ').flat_map(|id| by_id(&document, id)).collect();
        assert!(said.iter().any(|one| one.tag_name().name() == "title" && !text(*one).is_empty()));
        assert!(said.iter().any(|one| one.tag_name().name() == "desc" && !text(*one).is_empty()));
        assert!(said.iter().all(|one| one.parent_element() == Some(node)));
    }
    assert!(pictures > 40, "{pictures} pictures");
    no_two_share_an_id(&document);
}

#[test]
fn a_scenario_that_is_named_twice_is_shown_once() {
    let page = page("twice.html", &["happy-path", "lost-reply", "happy-path"]);
    let document = parse(&page);
    assert_eq!(named(document.root(), "section").count(), 2);
    no_two_share_an_id(&document);
}

fn no_two_share_an_id(document: &Document<'_>) {
    let mut ids: Vec<&str> =
        document.descendants().filter_map(|node| node.attribute("id")).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

#[test]
fn a_page_says_what_the_terminal_says() {
    for arguments in
        [&["loss", "--exchanges", "20"][..], &["lost-reply"], &["black-hole.no-deadline"]]
    {
        let (page, printed) = written(&format!("{}.html", arguments[0]), arguments);
        let document = parse(&page);
        let table = named(document.root(), "table").next().expect("a table");
        let cells = |row: Node<'_, '_>| row.children().map(text).collect::<Vec<_>>();
        let rows: Vec<Vec<String>> = named(table, "tr").map(cells).collect();
        assert_eq!(columns(&printed, &rows[0][1..]), joined(&rows[1..]));
        let explained =
            document.descendants().find(|one| one.attribute("class") == Some("explanation"));
        let explained = text(explained.expect("an explanation"));
        let words = printed.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.ends_with(&explained), "{explained}");
        let conditions =
            document.descendants().find(|one| one.attribute("class") == Some("conditions"));
        for part in conditions.expect("conditions").children().map(text) {
            let part = part.replace("network sim", "");
            assert!(words.contains(&part), "{part} is not in {words}");
        }
    }
}

/// The columns of a printed table, each without its spaces: cells are continued on other lines.
fn columns(printed: &str, titles: &[String]) -> Vec<String> {
    let is_head =
        |line: &&str| line.split("  ").map(str::trim).filter(|t| !t.is_empty()).eq(titles);
    let head = printed.lines().find(is_head).expect("the titles");
    let starts = titles.iter().scan(0, |from, title| {
        *from += head[*from..].find(title.as_str())?;
        let start = *from;
        *from += title.len();
        Some(start)
    });
    let starts: Vec<usize> = std::iter::once(0).chain(starts).collect();
    let lines = printed.lines().skip_while(|line| *line != head).skip(1);
    let mut columns = vec![String::new(); starts.len()];
    for line in lines.take_while(|line| !line.is_empty()) {
        let signs: Vec<char> = line.chars().collect();
        for (index, start) in starts.iter().enumerate() {
            let end = starts.get(index + 1).copied().unwrap_or(signs.len()).min(signs.len());
            let cell = signs.get(*start..end).unwrap_or_default();
            columns[index].extend(cell.iter().filter(|sign| !sign.is_whitespace()));
        }
    }
    columns
}

/// The columns of a table, each without its spaces.
fn joined(rows: &[Vec<String>]) -> Vec<String> {
    let column = |index: usize| rows.iter().map(|row| row[index].replace(' ', "")).collect();
    (0..rows[0].len()).map(column).collect()
}

#[test]
fn every_number_of_the_report_is_on_the_page() {
    let (page, printed) = written("numbers.html", &["duplicate", "--format", "json"]);
    let report: Value = serde_json::from_str(&printed).expect("JSON");
    let document = parse(&page);
    let details = named(document.root(), "details").last().expect("the numbers");
    let rows: Vec<Vec<String>> =
        named(details, "tr").map(|row| row.children().map(text).collect()).collect();
    let keys = socklab::scenario::library::find("duplicate").expect("a scenario").columns;
    for name in socklab::scenario::metrics::NAMES {
        let row = rows.iter().find(|row| row[0] == *name).unwrap_or_else(|| panic!("no {name}"));
        for (cell, column) in row[1..].iter().zip(keys) {
            let shown = match &report[column.key][*name] {
                Value::Null => "-".to_owned(),
                Value::String(text) => text.clone(),
                number => number.to_string(),
            };
            assert_eq!(*cell, shown, "{name} of {}", column.key);
        }
    }
}

#[test]
fn the_command_on_the_page_runs_it_again() {
    let typed =
        ["loss", "--loss", "c2s:20%", "--exchanges", "5", "--seed", "7", "--format", "json"];
    let (page, printed) = written("again.html", &typed);
    let document = parse(&page);
    let command = text(named(document.root(), "code").last().expect("a command"));
    let words = command.strip_prefix("compare ").expect("compare").split(' ');
    let again = compare(words.chain(["--format", "json"]));
    assert_eq!(printed, again);
    assert_ne!(again, compare(["loss", "--format", "json"]));
}

#[test]
fn every_text_stands_out_from_every_paper_in_light_and_in_dark() {
    let page = page("colours.html", &["happy-path"]);
    let document = parse(&page);
    let style = text(named(document.root(), "style").next().expect("a style"));
    let schemes: Vec<Vec<(String, String)>> =
        style.split(":root {").skip(1).map(properties).collect();
    assert_eq!(schemes.len(), 2, "light and dark");
    for scheme in &schemes {
        let of_kind =
            |kind: &'static str| scheme.iter().filter(move |(name, _)| name.starts_with(kind));
        assert!(of_kind("--ink").count() >= 4 && of_kind("--paper").count() >= 2, "{scheme:?}");
        for (ink, text) in of_kind("--ink") {
            for (paper, below) in of_kind("--paper") {
                let contrast = contrast(text, below);
                assert!(contrast >= 4.5, "{ink} on {paper}: {contrast:.2}");
            }
        }
    }
    let names = |scheme: &[(String, String)]| {
        scheme.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&schemes[0]), names(&schemes[1]), "each colour has both");
    nothing_else_is_coloured(&style);
}

/// The colours of a block of custom properties.
fn properties(block: &str) -> Vec<(String, String)> {
    let block = block.split('}').next().unwrap_or_default();
    let colours = block.split(';').filter_map(|one| one.split_once(':'));
    let colours = colours.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
    colours.filter(|(name, _)| name.starts_with("--")).collect()
}

/// Text takes its colour from an ink, and what is below it from a paper.
fn nothing_else_is_coloured(style: &str) {
    let declarations = style.split(['{', '}', ';']).filter_map(|one| one.split_once(':'));
    for (name, value) in declarations.map(|(name, value)| (name.trim(), value.trim())) {
        match name {
            "color" => assert!(value.starts_with("var(--ink"), "{name}: {value}"),
            "background" if value != "none" => {
                assert!(value.starts_with("var(--paper"), "{name}: {value}");
            }
            name if name.starts_with("--") => {}
            _ => assert!(!value.contains('#'), "{name}: {value}"),
        }
    }
}

/// Contrast ratio of two colours, WCAG 2.2.
fn contrast(one: &str, other: &str) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// Relative luminance of `#rrggbb`, WCAG 2.2.
fn luminance(colour: &str) -> f64 {
    let part = |at: usize| {
        let part = u8::from_str_radix(&colour[at..at + 2], 16).expect("a colour");
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
}

#[test]
fn black_on_white_has_the_highest_contrast() {
    assert_eq!(format!("{:.1}", contrast("#000000", "#ffffff")), "21.0");
    assert_eq!(format!("{:.2}", contrast("#777777", "#ffffff")), "4.48");
}
