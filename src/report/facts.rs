//! What TCP and UDP do by themselves: beside what the RFCs say, what Linux does, measured, and what the
//! simulation does.

use serde_json::{Map, Value, json};

use super::conditions::{SEPARATOR, stack};
use super::table::{WIDTH, by_parts};
use crate::scenario::facts::{Fact, Facts, Finding};
use crate::testbed::Stack;

/// Between a column's name and what stands in it.
const INDENT: usize = 14;

/// What the columns are called.
const RFC: &str = "RFC says";
const KERNEL: &str = "Linux does (measured here)";
const SIMULATION: &str = "simulation does";

/// Writes a few lines for each fact, for an 80-column screen.
pub fn table(facts: &Facts) -> String {
    let mut text = by_parts(&heading(facts));
    for fact in &facts.facts {
        text.push_str(&format!("\n{}\n", fact.quantity.name()));
        let Fact { quantity, kernel, simulation } = fact;
        let mut line = |name: &str, words: &str| {
            let name = format!("  {name}");
            text.push_str(&paragraph(words, &format!("{name:INDENT$}")));
        };
        line("RFC says", quantity.rfc());
        if facts.kernel.is_ok() {
            line("Linux does", &words(kernel));
        }
        line("simulation", &words(simulation));
    }
    text
}

/// Writes a table of Markdown.
pub fn markdown(facts: &Facts) -> String {
    let mut text = format!("{}\n\n", heading(facts));
    text.push_str(&format!("| | {RFC} | {KERNEL} | {SIMULATION} |\n| --- | --- | --- | --- |\n"));
    for Fact { quantity, kernel, simulation } in &facts.facts {
        let cells = [quantity.name(), quantity.rfc(), &words(kernel), &words(simulation)];
        text.push_str(&format!("| {} |\n", cells.map(escaped).join(" | ")));
    }
    text
}

/// Writes all of it, numbers included, for programs.
pub fn object(facts: &Facts) -> Value {
    let (kernel, not_available) = match &facts.kernel {
        Ok(kernel) => (stack_object(kernel), Value::Null),
        Err(why) => (Value::Null, Value::from(why.as_str())),
    };
    let entry = |fact: &Fact| {
        let entry = json!({
            "quantity": fact.quantity.name(),
            "rfc": fact.quantity.rfc(),
            "kernel": finding_object(&fact.kernel),
            "simulation": finding_object(&fact.simulation),
        });
        (fact.quantity.key().to_owned(), entry)
    };
    json!({
        "kernel": kernel,
        "kernel_not_available": not_available,
        "simulation": stack_object(&facts.simulation),
        "facts": facts.facts.iter().map(entry).collect::<Map<_, _>>(),
    })
}

fn stack_object(of: &Stack) -> Value {
    json!({
        "name": of.name,
        "congestion_control": of.congestion_control,
        "set_up": of.set_up,
        "words": stack(of),
    })
}

fn finding_object(finding: &Finding) -> Value {
    match finding {
        Finding::Measured { words, numbers } => json!({ "words": words, "numbers": numbers }),
        Finding::NotMeasured(why) => json!({ "not_measured": why }),
    }
}

/// Says whose stacks they are, or why there is only one.
fn heading(facts: &Facts) -> String {
    let kernel = match &facts.kernel {
        Ok(kernel) => stack(kernel),
        Err(why) => format!("Linux is not measured: {why}"),
    };
    let simulation = format!("simulation: {}", stack(&facts.simulation));
    [kernel, simulation, "wire 25 ms each way".to_owned()].join(SEPARATOR)
}

fn words(finding: &Finding) -> String {
    match finding {
        Finding::Measured { words, .. } => words.clone(),
        Finding::NotMeasured(why) => format!("not measured: {why}"),
    }
}

/// Sets words in lines, the first after `begin`, the others below it.
fn paragraph(words: &str, begin: &str) -> String {
    let mut text = begin.to_owned();
    let mut length = begin.chars().count();
    let indent = length;
    for (index, word) in words.split_whitespace().enumerate() {
        let needed = word.chars().count() + usize::from(index > 0);
        if index > 0 && length + needed > usize::from(WIDTH) {
            text.push_str(&format!("\n{}{word}", " ".repeat(indent)));
            length = indent + needed - 1;
            continue;
        }
        text.push_str(if index > 0 { " " } else { "" });
        text.push_str(word);
        length += needed;
    }
    text + "\n"
}

/// Keeps what is special in a table of Markdown from being that.
fn escaped(cell: &str) -> String {
    cell.replace('|', "\\|").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_goes_on_below_its_beginning() {
        let text = paragraph(&"word ".repeat(40), "  RFC says    ");
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        assert!(text.lines().skip(1).all(|line| line.starts_with("              word")), "{text}");
    }
}
