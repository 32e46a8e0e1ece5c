//! What an expression is worth: recursive descent, a function for each strength of binding.
//!
//! ```text
//! sum     = product { ("+" | "-") product }
//! product = factor { ("*" | "/" | "%") factor }
//! factor  = { "+" | "-" } ( number | "(" sum ")" )
//! ```

use std::fmt::{self, Write as _};
use std::str::FromStr;

use rust_decimal::Decimal;
use thiserror::Error;

use super::token::{Token, Tokens};

/// How deep brackets may be nested: deeper than anybody writes, and a small part of the stack that a
/// thread has.
pub const MAX_DEPTH: usize = 100;

/// Digits of the largest number, 2^96 - 1.
const MAX_DIGITS: usize = 29;

/// Characters of a number that an error quotes: enough to find it again.
const MAX_QUOTED: usize = 20;

/// Why an expression has no value; the words follow `ERR ` on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExpressionError {
    /// There is none.
    #[error("empty expression")]
    Empty,
    /// Something that stands in no expression.
    #[error("\"{}\" at {position} is no number, operator or bracket", Printable(*character))]
    Unknown {
        /// What.
        character: char,
        /// Where, in characters from 1.
        position: usize,
    },
    /// Digits and points that make no number.
    #[error("\"{0}\" is no number")]
    NotANumber(String),
    /// The expression, or a bracket, begins with an operator.
    #[error("a number is missing before \"{0}\"")]
    MissingBefore(String),
    /// An operator or an opening bracket has nothing to its right.
    #[error("a number is missing after \"{0}\"")]
    MissingAfter(String),
    /// Two values stand side by side.
    #[error("an operator is missing before \"{0}\"")]
    MissingOperator(String),
    /// A bracket stays open.
    #[error("a closing bracket is missing")]
    Unclosed,
    /// A bracket closes that was not open.
    #[error("\")\" at {0} closes no bracket")]
    Unopened(usize),
    /// Deeper than [`MAX_DEPTH`].
    #[error("brackets nested deeper than {MAX_DEPTH}")]
    TooDeep,
    /// What is divided by is zero.
    #[error("division by zero")]
    DivisionByZero,
    /// A number of the expression, or one on the way to its value.
    #[error("the number is too big: {} is the largest", Decimal::MAX)]
    TooBig,
}

/// Computes the value of an expression, in a time proportional to its length.
///
/// # Errors
/// Says what is wrong with it.
pub fn evaluate(expression: &str) -> Result<Decimal, ExpressionError> {
    let mut parser = Parser { tokens: Tokens::of(expression), next: None, last: None, depth: 0 };
    parser.advance()?;
    if parser.next.is_none() {
        return Err(ExpressionError::Empty);
    }
    let value = parser.sum()?;
    match parser.next {
        None if value.is_zero() => Ok(Decimal::ZERO), // there is no -0 on paper
        None => Ok(value),
        Some(token) => Err(parser.unexpected(&token)),
    }
}

/// Reads an expression from the left, one token ahead.
struct Parser<'a> {
    tokens: Tokens<'a>,
    /// What comes next.
    next: Option<Token<'a>>,
    /// What was taken before it.
    last: Option<Token<'a>>,
    /// Brackets that are open.
    depth: usize,
}

impl<'a> Parser<'a> {
    fn advance(&mut self) -> Result<(), ExpressionError> {
        self.last = self.next.take();
        self.next = self.tokens.next()?;
        Ok(())
    }

    /// Takes the next token if it is one of these.
    fn take(&mut self, wanted: &[&str]) -> Result<Option<&'a str>, ExpressionError> {
        match self.next {
            Some(token) if wanted.contains(&token.text) => {
                self.advance()?;
                Ok(Some(token.text))
            }
            _ => Ok(None),
        }
    }

    fn sum(&mut self) -> Result<Decimal, ExpressionError> {
        let mut sum = self.product()?;
        while let Some(operator) = self.take(&["+", "-"])? {
            let operand = self.product()?;
            let result = match operator {
                "+" => sum.checked_add(operand),
                _ => sum.checked_sub(operand),
            };
            sum = result.ok_or(ExpressionError::TooBig)?;
        }
        Ok(sum)
    }

    fn product(&mut self) -> Result<Decimal, ExpressionError> {
        let mut product = self.factor()?;
        while let Some(operator) = self.take(&["*", "/", "%"])? {
            let operand = self.factor()?;
            let result = match operator {
                "*" => product.checked_mul(operand),
                _ if operand.is_zero() => return Err(ExpressionError::DivisionByZero),
                "/" => product.checked_div(operand),
                _ => product.checked_rem(operand),
            };
            product = result.ok_or(ExpressionError::TooBig)?;
        }
        Ok(product)
    }

    fn factor(&mut self) -> Result<Decimal, ExpressionError> {
        let mut negative = false;
        while let Some(sign) = self.take(&["+", "-"])? {
            negative ^= sign == "-";
        }
        let value = match self.take(&["("])? {
            Some(_) => self.bracket()?,
            None => self.number()?,
        };
        Ok(if negative { -value } else { value })
    }

    /// What stands in a bracket that has just been opened.
    fn bracket(&mut self) -> Result<Decimal, ExpressionError> {
        if self.depth == MAX_DEPTH {
            return Err(ExpressionError::TooDeep);
        }
        self.depth += 1;
        let value = self.sum()?;
        self.depth -= 1;
        match (self.take(&[")"])?, self.next) {
            (Some(_), _) => Ok(value),
            (None, None) => Err(ExpressionError::Unclosed),
            (None, Some(token)) => Err(self.unexpected(&token)),
        }
    }

    fn number(&mut self) -> Result<Decimal, ExpressionError> {
        let begins = |c: char| c.is_ascii_digit() || c == '.';
        let Some(token) = self.next.filter(|token| token.text.starts_with(begins)) else {
            return Err(self.missing());
        };
        self.advance()?;
        decimal(token.text)
    }

    /// A number belongs here, but something else comes, or nothing.
    fn missing(&self) -> ExpressionError {
        match (self.last, self.next) {
            (Some(last), _) => ExpressionError::MissingAfter(last.text.to_owned()),
            (None, Some(next)) => ExpressionError::MissingBefore(next.text.to_owned()),
            (None, None) => ExpressionError::Empty,
        }
    }

    /// An operator or the end belongs here, but this comes.
    fn unexpected(&self, token: &Token<'_>) -> ExpressionError {
        match token.text {
            ")" => ExpressionError::Unopened(self.tokens.position_of(token)),
            text => ExpressionError::MissingOperator(shortened(text)),
        }
    }
}

/// Reads a number. Zeros in front are dropped, and of its decimals only those are read that count, so
/// that its length is bounded whatever was sent.
fn decimal(text: &str) -> Result<Decimal, ExpressionError> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
        return Err(ExpressionError::NotANumber(shortened(text)));
    }
    let whole = whole.trim_start_matches('0');
    if whole.len() > MAX_DIGITS {
        return Err(ExpressionError::TooBig);
    }
    // One digit more than can be kept, by which to round.
    let kept = fraction.len().min(Decimal::MAX_SCALE as usize + 1);
    let number = format!("0{whole}.{}", &fraction[..kept]);
    Decimal::from_str(&number).map_err(|_| ExpressionError::TooBig)
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTED) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}

/// A character as it may be printed anywhere.
struct Printable(char);

impl fmt::Display for Printable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            character @ ('"' | '\'') => formatter.write_char(character),
            character => write!(formatter, "{}", character.escape_debug()),
        }
    }
}
