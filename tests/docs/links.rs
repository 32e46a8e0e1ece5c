//! Links between the pages, and to files of the project: what they name is there.

use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use crate::ROOT;
use crate::page::prose;

/// `[text](target)`, and `[name]: target` at the beginning of a line.
static LINK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\]\(<?(?<target>[^)\s>]+)|^\s*\[[^\]]+\]: *<?(?<named>[^\s>]+)")
        .expect("a pattern")
});

/// A page that a sentence names, always as seen from the root.
static MENTION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?:^|[^\w/.(-])(?<path>docs/[\w./-]*\w)").expect("a pattern"));

/// Returns each link of a page that leads to no file.
pub(crate) fn broken(page: &str, text: &str) -> Vec<String> {
    let here = Path::new(page).parent().unwrap_or(Path::new(""));
    let mut broken = Vec::new();
    for (number, line) in prose(text) {
        let links = LINK.captures_iter(line).filter_map(|link| {
            let target = link.name("target").or(link.name("named"))?.as_str();
            let path = target.split('#').next().unwrap_or_default();
            let is_ours = !path.is_empty() && !path.contains(':');
            is_ours.then(|| (target, here.join(path)))
        });
        let mentions = MENTION.captures_iter(line).map(|mention| {
            let path = mention.name("path").expect("always there").as_str();
            (path, Path::new(path).to_owned())
        });
        for (target, path) in links.chain(mentions) {
            if !Path::new(ROOT).join(path).exists() {
                broken.push(format!("{page}:{number}: there is no file {target}"));
            }
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_files_that_are_there_are_fine() {
        let text = "See [this](docs.rs#x), [that](../Cargo.toml) and `docs/`.\n\n[n]: docs\n";
        assert_eq!(broken("tests/page.md", text), [""; 0]);
    }

    #[test]
    fn links_elsewhere_and_within_the_page_are_not_looked_at() {
        let text = "[a](https://example.org/docs/a.md), [b](#b), [c](mailto:c@example.org)";
        assert_eq!(broken("page.md", text), [""; 0]);
    }

    #[test]
    fn links_to_nothing_are_found() {
        let text =
            "Read [this](docs/no.md#a) or `docs/none.md`.\n```\ndocs/fenced.md\n```\n[n]: no\n";
        let expected = [
            "page.md:1: there is no file docs/no.md#a",
            "page.md:1: there is no file docs/none.md",
            "page.md:5: there is no file no",
        ];
        assert_eq!(broken("page.md", text), expected);
    }
}
