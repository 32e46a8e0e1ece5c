//! An expression cut into numbers, operators and brackets.

use super::ExpressionError;

/// One number, operator or bracket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    /// Bytes before it.
    at: usize,
}

/// The tokens of an expression, one after the other.
#[derive(Debug, Clone)]
pub(super) struct Tokens<'a> {
    expression: &'a str,
    at: usize, // bytes that were looked at
}

impl<'a> Tokens<'a> {
    pub(super) fn of(expression: &'a str) -> Self {
        Tokens { expression, at: 0 }
    }

    /// Returns the next token, `None` after the last.
    pub(super) fn next(&mut self) -> Result<Option<Token<'a>>, ExpressionError> {
        let rest = &self.expression[self.at..];
        let text = rest.trim_start();
        let at = self.expression.len() - text.len();
        let Some(first) = text.chars().next() else { return Ok(None) };
        let length = match first {
            '0'..='9' | '.' => {
                text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len())
            }
            '+' | '-' | '*' | '/' | '%' | '(' | ')' => 1,
            character => {
                return Err(ExpressionError::Unknown { character, position: self.position(at) });
            }
        };
        self.at = at + length;
        Ok(Some(Token { text: &text[..length], at }))
    }

    /// Returns where a token stands, in characters from 1, as people count.
    pub(super) fn position_of(&self, token: &Token<'_>) -> usize {
        self.position(token.at)
    }

    fn position(&self, at: usize) -> usize {
        self.expression[..at].chars().count() + 1
    }
}
