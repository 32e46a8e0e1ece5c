//! A pocket calculator: an expression in a line, answered by its value or by what is wrong with it.
//!
//! Numbers are decimal, 28 digits of them are exact: `0.1 + 0.2` is `0.3`. `*`, `/` and `%` bind
//! tighter than `+` and `-`, a sign tighter than all; what binds alike is computed from the left.

mod expression;
mod token;

use super::{Caller, Next, Reply, Service};
use crate::time::Timestamp;

pub use expression::{ExpressionError, MAX_DEPTH, evaluate};

/// The `calculator` service.
#[derive(Debug, Default)]
pub struct CalculatorService;

impl Service for CalculatorService {
    fn is_sensitive(&self, _caller: Caller, _request: &str) -> bool {
        false
    }

    fn handle(
        &mut self,
        _caller: Caller,
        request: &str,
        _now: Timestamp,
        reply: &mut Reply<'_>,
    ) -> Next {
        match evaluate(request) {
            // Without the zeros that a result may end in: 4 / 2 is 2.
            Ok(value) => reply.push_str(&value.normalize().to_string()),
            Err(error) => {
                reply.push_str("ERR ");
                reply.push_str(&error.to_string());
            }
        }
        // A slip of the pen ends no conversation.
        Next::Continue
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::Peer;

    fn answer(request: &str) -> String {
        let peer = Peer::udp("192.0.2.7:5000".parse().expect("an address"));
        let mut bytes = Vec::new();
        let mut reply = Reply::new(&mut bytes);
        let next = CalculatorService.handle(peer.into(), request, Timestamp::ZERO, &mut reply);
        assert_eq!(next, Next::Continue, "{request}");
        String::from_utf8(bytes).expect("text")
    }

    fn assert_answers(cases: &[(&str, &str)]) {
        for (request, expected) in cases {
            assert_eq!(answer(request), *expected, "{request:?}");
        }
    }

    #[test]
    fn the_sums_of_the_exercise_have_their_results() {
        assert_answers(&[
            ("22 + 44", "66"),
            ("3 * 4", "12"),
            ("4 / 2", "2"),
            ("9 + 8", "17"),
            ("4 * 7", "28"),
            ("1 + 2 + 3", "6"),
            ("7 % 3", "1"),
        ]);
    }

    #[test]
    fn products_come_before_sums_and_what_is_equal_goes_from_the_left() {
        assert_answers(&[
            ("2 + 3 * 4", "14"),
            ("(2 + 3) * 4", "20"),
            ("10 - 4 - 3", "3"),
            ("16 / 4 / 2", "2"),
            ("17 % 10 * 2", "14"),
            ("2 * 17 % 10", "4"),
            ("((1)+(2))*((3))", "9"),
        ]);
    }

    #[test]
    fn signs_bind_tighter_than_operators_and_may_repeat() {
        assert_answers(&[
            ("-3 + 5", "2"),
            ("2 * -3", "-6"),
            ("2 - -3", "5"),
            ("--5", "5"),
            ("+5", "5"),
            ("-(2 + 3)", "-5"),
            ("0 * -1", "0"),
            ("-0", "0"),
        ]);
    }

    #[test]
    fn decimals_are_exact_and_end_in_no_zeros() {
        assert_answers(&[
            ("0.1 + 0.2", "0.3"),
            ("1.50 * 2", "3"),
            (".5 + 5.", "5.5"),
            ("100 * 10", "1000"),
            ("7.5 % 2", "1.5"),
        ]);
    }

    #[test]
    fn what_cannot_be_written_out_is_rounded_to_28_digits() {
        assert_answers(&[
            ("1 / 3", "0.3333333333333333333333333333"),
            ("2 / 3", "0.6666666666666666666666666667"),
            ("1 / 3 * 3", "0.9999999999999999999999999999"),
            ("0.00000000000000000000000000005", "0.0000000000000000000000000001"),
        ]);
    }

    #[test]
    fn a_remainder_has_the_sign_of_what_is_divided() {
        assert_answers(&[("-7 % 3", "-1"), ("7 % -3", "1"), ("-6 % 3", "0")]);
    }

    #[test]
    fn spaces_stand_anywhere_but_in_a_number() {
        assert_answers(&[
            ("  1+2 ", "3"),
            ("1\t+\u{a0}2", "3"),
            ("1 2", "ERR an operator is missing before \"2\""),
        ]);
    }

    #[test]
    fn what_is_wrong_is_said_in_words() {
        assert_answers(&[
            ("", "ERR empty expression"),
            ("   ", "ERR empty expression"),
            ("abc", "ERR \"a\" at 1 is no number, operator or bracket"),
            ("1 + é", "ERR \"é\" at 5 is no number, operator or bracket"),
            ("1\r2", "ERR an operator is missing before \"2\""),
            ("1\u{7}", "ERR \"\\u{7}\" at 2 is no number, operator or bracket"),
            ("1,5", "ERR \",\" at 2 is no number, operator or bracket"),
            ("1 +", "ERR a number is missing after \"+\""),
            ("* 3", "ERR a number is missing before \"*\""),
            ("1 + * 3", "ERR a number is missing after \"+\""),
            ("()", "ERR a number is missing after \"(\""),
            ("-", "ERR a number is missing after \"-\""),
            ("2(3)", "ERR an operator is missing before \"(\""),
            ("(1 + 2", "ERR a closing bracket is missing"),
            ("1)", "ERR \")\" at 2 closes no bracket"),
            (")", "ERR a number is missing before \")\""),
            ("1.2.3", "ERR \"1.2.3\" is no number"),
            (".", "ERR \".\" is no number"),
        ]);
    }

    #[test]
    fn division_by_zero_is_an_error_however_zero_came_about() {
        for request in ["1 / 0", "1 % 0", "0 / 0", "1 / (3 - 3)", "1 / 0.00", "1 / -0"] {
            assert_eq!(answer(request), "ERR division by zero", "{request}");
        }
    }

    #[test]
    fn what_is_too_big_is_an_error() {
        let largest = "79228162514264337593543950335";
        let too_big = format!("ERR the number is too big: {largest} is the largest");
        assert_eq!(answer(largest), largest);
        assert_eq!(answer(&format!("-{largest}")), format!("-{largest}"));
        let more =
            ["79228162514264337593543950336", &format!("{largest} + 1"), &format!("{largest} * 2")];
        for request in more {
            assert_eq!(answer(request), too_big, "{request}");
        }
        assert_eq!(answer(&format!("-{largest} - 1")), too_big);
        assert_eq!(answer("1 / 0.0000000000000000000000000001 * 10"), too_big.as_str());
        assert_eq!(answer(&"9".repeat(100_000)), too_big);
    }

    #[test]
    fn zeros_without_end_change_no_number() {
        let zeros = "0".repeat(100_000);
        assert_eq!(answer(&format!("{zeros}7.5{zeros} + 1.{zeros}4")), "8.5");
    }

    #[test]
    fn brackets_are_followed_so_far_and_no_further() {
        let nested = |depth| format!("{}1{}", "(".repeat(depth), ")".repeat(depth));
        assert_eq!(answer(&nested(MAX_DEPTH)), "1");
        let too_deep = format!("ERR brackets nested deeper than {MAX_DEPTH}");
        assert_eq!(answer(&nested(MAX_DEPTH + 1)), too_deep);
        assert_eq!(answer(&"(".repeat(10_000)), too_deep);
        // Side by side they are not nested; nor do signs nest.
        let side_by_side = vec!["(1)"; 10_000].join("+");
        assert_eq!(answer(&side_by_side), "10000");
        assert_eq!(answer(&format!("{}1", "-".repeat(10_001))), "-1");
    }

    #[test]
    fn an_error_quotes_no_more_than_helps() {
        let reply = answer(&"1.".repeat(100_000));
        assert_eq!(reply, "ERR \"1.1.1.1.1.1.1.1.1.1....\" is no number");
    }
}
