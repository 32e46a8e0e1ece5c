//! Expectations such as `udp.retransmissions==1`: a grader by exit code, and our own test language.

use std::fmt;

use serde_json::Value;

/// One expectation: a name of the JSON report, how to compare, and with what.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    text: String,
    path: Vec<String>,
    operator: Operator,
    wanted: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// Two characters before one, so that `<=` is not read as `<`.
const OPERATORS: [(&str, Operator); 6] = [
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

/// What came of an expectation.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict<'a> {
    expectation: &'a Expectation,
    seen: Option<Value>,
    /// Whether it was met.
    pub met: bool,
}

impl Expectation {
    /// Reads an expectation.
    ///
    /// # Errors
    /// Says what an expectation looks like.
    pub fn parse(text: &str) -> Result<Self, String> {
        let found = OPERATORS.iter().find_map(|(sign, operator)| {
            let (path, wanted) = text.split_once(sign)?;
            Some((path.trim(), *operator, wanted.trim()))
        });
        let Some((path, operator, wanted)) = found.filter(|(path, ..)| !path.is_empty()) else {
            return Err("write NAME==VALUE, such as udp.retransmissions==1".to_owned());
        };
        // What is no JSON value is meant as text: udp.outcome==replied.
        let wanted = serde_json::from_str(wanted).unwrap_or_else(|_| Value::from(wanted));
        let path = path.split('.').map(str::to_owned).collect();
        Ok(Expectation { text: text.to_owned(), path, operator, wanted })
    }

    /// Returns whether a report with these columns has a number of this name; of many runs, with
    /// one of these `parts`.
    pub fn is_about(&self, columns: &[&str], numbers: &[&str], parts: &[&str]) -> bool {
        let is_number = |column: &String, number: &String| {
            columns.contains(&column.as_str()) && numbers.contains(&number.as_str())
        };
        match &self.path[..] {
            [column, number] => parts.is_empty() && is_number(column, number),
            [column, number, part] => parts.contains(&part.as_str()) && is_number(column, number),
            [name] => name == "seed" || name == "network",
            _ => false,
        }
    }

    /// Returns the expectation as it was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Compares with a report. A name that the report lacks meets no expectation.
    pub fn check(&self, report: &Value) -> Verdict<'_> {
        let seen = self.path.iter().try_fold(report, |value, name| value.get(name)).cloned();
        let met = seen.as_ref().is_some_and(|seen| self.holds(seen));
        Verdict { expectation: self, seen, met }
    }

    fn holds(&self, seen: &Value) -> bool {
        let order = match (seen.as_f64(), self.wanted.as_f64()) {
            (Some(seen), Some(wanted)) => seen.partial_cmp(&wanted),
            _ if *seen == self.wanted => Some(std::cmp::Ordering::Equal),
            _ => None,
        };
        match self.operator {
            Operator::Equal => order.is_some_and(|order| order.is_eq()),
            Operator::NotEqual => !order.is_some_and(|order| order.is_eq()),
            Operator::Less => order.is_some_and(|order| order.is_lt()),
            Operator::AtMost => order.is_some_and(|order| order.is_le()),
            Operator::Greater => order.is_some_and(|order| order.is_gt()),
            Operator::AtLeast => order.is_some_and(|order| order.is_ge()),
        }
    }
}

impl fmt::Display for Verdict<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Verdict { expectation, seen, met } = self;
        let verdict = if *met { "as expected" } else { "NOT AS EXPECTED" };
        write!(formatter, "{verdict}: expected {}, seen ", expectation.text)?;
        match seen {
            Some(seen) => write!(formatter, "{seen}"),
            None => write!(formatter, "nothing of that name"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn met(text: &str) -> bool {
        let report = json!({ "udp": { "attempts": 2, "outcome": "replied", "detect_ms": null } });
        Expectation::parse(text).expect("an expectation").check(&report).met
    }

    #[test]
    fn numbers_are_compared_by_value_and_words_by_letter() {
        assert!(met("udp.attempts==2") && met("udp.attempts == 2.0") && !met("udp.attempts==3"));
        assert!(met("udp.attempts<=2") && met("udp.attempts>1") && !met("udp.attempts<2"));
        assert!(met("udp.outcome==replied") && met("udp.outcome!=refused"));
        assert!(met("udp.detect_ms==null") && !met("udp.detect_ms<5"));
    }

    #[test]
    fn a_name_that_is_not_there_meets_nothing() {
        assert!(!met("udp.atempts==2") && !met("udp.atempts!=2"));
    }

    #[test]
    fn what_is_no_expectation_is_refused() {
        assert!(Expectation::parse("udp.attempts").is_err());
        assert!(Expectation::parse("==2").is_err());
    }
}
