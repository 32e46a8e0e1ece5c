//! Paper and pens: SVG elements as text, escaped, with numbers that are short.

use std::fmt::{self, Write};

/// Width of all pictures, in pixels.
pub(super) const WIDTH: f64 = 900.0;

/// Width of a character of text at 14 px, on the safe side: that of wide fonts.
pub(super) const CHARACTER: f64 = 8.2;

/// From one line of text to the next.
pub(super) const LINE: f64 = 18.0;

/// Light and dark. Text has a contrast of at least 4.5 to the paper (WCAG 2.2, 1.4.3).
const STYLE: &str = "\
.ladder-paper{fill:#ffffff}\
.ladder-text{font:14px system-ui,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;fill:#1b1f24;\
font-variant-numeric:tabular-nums;stroke:#ffffff;stroke-width:4px;stroke-linejoin:round;paint-order:stroke}\
.ladder-title{font-size:19px;font-weight:600}\
.ladder-head{font-size:16px;font-weight:600}\
.ladder-quiet{fill:#57606a}\
.ladder-strong{font-weight:600}\
.ladder-said-lost{fill:#b42318}\
.ladder-line{stroke:#1b1f24;stroke-width:1.8;fill:none}\
.ladder-rail{stroke:#57606a;stroke-width:2.4;fill:none}\
.ladder-grid{stroke:#d0d7de;stroke-width:1;fill:none}\
.ladder-full{fill:#1b1f24;stroke:none}\
.ladder-hollow{fill:#ffffff;stroke:#1b1f24;stroke-width:1.8}\
.ladder-lost{stroke:#b42318;stroke-width:2.4;fill:none;stroke-linecap:round}\
.ladder-again{stroke-dasharray:8 5}\
.ladder-copy{stroke-dasharray:2 4}\
@media (prefers-color-scheme:dark){\
.ladder-paper{fill:#0d1117}\
.ladder-text{fill:#e6edf3;stroke:#0d1117}\
.ladder-quiet{fill:#9aa4af}\
.ladder-said-lost{fill:#ff8f85}\
.ladder-line{stroke:#e6edf3}\
.ladder-rail{stroke:#9aa4af}\
.ladder-grid{stroke:#30363d}\
.ladder-full{fill:#e6edf3}\
.ladder-hollow{fill:#0d1117;stroke:#e6edf3}\
.ladder-lost{stroke:#ff8f85}\
}";

/// A place on the paper: to the right, and down.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// On which side of its place a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// What has been drawn so far.
#[derive(Debug, Default)]
pub(super) struct Canvas {
    body: String,
}

impl Canvas {
    pub(super) fn line(&mut self, class: &str, from: Point, to: Point) {
        let (x, y) = (Tenths(from.x), Tenths(from.y));
        let (right, down) = (Tenths(to.x), Tenths(to.y));
        self.add(format_args!("<path class=\"{class}\" d=\"M{x} {y}L{right} {down}\"/>"));
    }

    /// Writes a text whose middle is at the height of `at`.
    pub(super) fn text(&mut self, class: &str, at: Point, anchor: Anchor, text: &str) {
        // Half the height of a small letter below the middle stands the base line.
        let (x, y) = (Tenths(at.x), Tenths(at.y + 5.0));
        let text = Escaped(text);
        self.add(format_args!(
            "<text class=\"ladder-text {class}\" x=\"{x}\" y=\"{y}\"{anchor}>{text}</text>"
        ));
    }

    /// Writes a text along a line, close above it; `along` points to the right, its length is 1.
    pub(super) fn text_along(&mut self, at: Point, along: Point, anchor: Anchor, text: &str) {
        let (x, y) = (Tenths(at.x + 5.0 * along.y), Tenths(at.y - 5.0 * along.x));
        let (a, b, c) = (Thousandths(along.x), Thousandths(along.y), Thousandths(-along.y));
        let text = Escaped(text);
        self.add(format_args!(
            "<text class=\"ladder-text\" transform=\"matrix({a} {b} {c} {a} {x} {y})\"{anchor}>\
             {text}</text>"
        ));
    }

    /// Draws an arrowhead whose point is at `tip`; `along` points where it goes.
    pub(super) fn head(&mut self, tip: Point, along: Point) {
        let back = Point { x: tip.x - 12.0 * along.x, y: tip.y - 12.0 * along.y };
        let (x, y) = (Tenths(tip.x), Tenths(tip.y));
        let (left, up) = (Tenths(back.x - 5.0 * along.y), Tenths(back.y + 5.0 * along.x));
        let (right, down) = (Tenths(back.x + 5.0 * along.y), Tenths(back.y - 5.0 * along.x));
        self.add(format_args!(
            "<path class=\"ladder-full\" d=\"M{x} {y}L{left} {up}L{right} {down}Z\"/>"
        ));
    }

    /// Draws the cross that stands for "never arrived".
    pub(super) fn cross(&mut self, at: Point) {
        let Point { x, y } = at;
        for up in [-6.0, 6.0] {
            let from = Point { x: x - 6.0, y: y + up };
            self.line("ladder-lost", from, Point { x: x + 6.0, y: y - up });
        }
    }

    pub(super) fn dot(&mut self, class: &str, at: Point) {
        let (x, y) = (Tenths(at.x), Tenths(at.y));
        self.add(format_args!("<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"5\"/>"));
    }

    fn add(&mut self, element: fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.body, "{element}");
    }

    /// Returns the picture, with its title written at the top.
    pub(super) fn finish(mut self, height: f64, title: &str, description: &str) -> String {
        let at = Point { x: 20.0, y: 28.0 };
        self.text("ladder-title", at, Anchor::Start, title);
        let id = format!("ladder-{:016x}", fingerprint(&[title, description, &self.body]));
        let (width, height) = (Tenths(WIDTH), Tenths(height));
        let (title, description) = (Escaped(title), Escaped(description));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"{id}-title {id}-desc\">\n\
             <title id=\"{id}-title\">{title}</title>\n\
             <desc id=\"{id}-desc\">{description}</desc>\n\
             <style>{STYLE}</style>\n\
             <rect class=\"ladder-paper\" width=\"{width}\" height=\"{height}\"/>\n\
             {}</svg>\n",
            self.body
        )
    }
}

/// Tells pictures on one page apart: FNV-1a, 64 bits.
fn fingerprint(texts: &[&str]) -> u64 {
    let bytes = texts.iter().flat_map(|text| text.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

impl fmt::Display for Anchor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        })
    }
}

/// A number with at most one decimal.
struct Tenths(f64);

impl fmt::Display for Tenths {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        rounded(self.0, 10, formatter)
    }
}

/// A number with at most three decimals.
struct Thousandths(f64);

impl fmt::Display for Thousandths {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        rounded(self.0, 1_000, formatter)
    }
}

fn rounded(number: f64, parts: i64, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    let whole = (number * parts as f64).round() as i64;
    // What is rounded to zero must not keep its sign.
    write!(formatter, "{}", whole as f64 / parts as f64)
}

/// A text in XML. What XML 1.0 cannot hold at all is replaced.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for sign in self.0.chars() {
            match sign {
                '&' => formatter.write_str("&amp;")?,
                '<' => formatter.write_str("&lt;")?,
                '>' => formatter.write_str("&gt;")?,
                '"' => formatter.write_str("&quot;")?,
                '\u{fffe}' | '\u{ffff}' => formatter.write_char('\u{fffd}')?,
                sign if sign.is_control() => formatter.write_char('\u{fffd}')?,
                sign => formatter.write_char(sign)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_zero_has_no_sign() {
        let shown = [-0.01, 1.0, 2.25, -3.149].map(|number| Tenths(number).to_string());
        assert_eq!(shown, ["0", "1", "2.3", "-3.1"]);
        assert_eq!(Thousandths(0.5).to_string(), "0.5");
    }

    #[test]
    fn text_cannot_leave_its_element() {
        let shown = Escaped("</text><script>&\"\u{0}\u{1b}").to_string();
        assert_eq!(shown, "&lt;/text&gt;&lt;script&gt;&amp;&quot;\u{fffd}\u{fffd}");
    }
}
