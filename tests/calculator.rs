//! The calculator against an independent evaluation: expressions are drawn as trees, computed in
//! fractions of whole numbers, and written out with no more brackets than they need.

use proptest::prelude::*;
use proptest::test_runner::Config;

use socklab::service::calculator::evaluate;

fn config() -> Config {
    Config { cases: 500, failure_persistence: None, ..Config::default() }
}

/// With so many digits nothing is rounded.
const EXACT: i128 = 10_i128.pow(27);

/// A fraction in whole numbers, which rounds nothing: what the calculator is compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Fraction {
    above: i128,
    below: i128,
}

impl Fraction {
    /// `above / 10^digits`
    fn decimal(above: i128, digits: u32) -> Self {
        Fraction { above, below: 10_i128.pow(digits) }
    }

    /// Reads what the calculator prints.
    fn read(text: &str) -> Self {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let above = format!("{whole}{fraction}").parse().expect("digits");
        Fraction::decimal(above, fraction.len() as u32)
    }

    /// Both over the same number; `None` where whole numbers do not suffice.
    fn aligned(self, other: Self) -> Option<(i128, i128, i128)> {
        let below = self.below.max(other.below);
        let scaled = |it: Fraction| it.above.checked_mul(below / it.below);
        Some((scaled(self)?, scaled(other)?, below))
    }

    /// Returns what an operation makes of two; `None` where the calculator might have to round.
    fn computed(operator: char, left: Self, right: Self) -> Option<Self> {
        let (one, other, below) = left.aligned(right)?;
        let (above, below) = match operator {
            '+' => (one + other, below),
            '-' => (one - other, below),
            '%' => (one.checked_rem(other)?, below),
            _ => (left.above.checked_mul(right.above)?, left.below.checked_mul(right.below)?),
        };
        let exact = above.abs() < EXACT && below < EXACT;
        exact.then_some(Fraction { above, below })
    }

    fn equals(self, other: Self) -> bool {
        self.aligned(other).is_some_and(|(one, other, _)| one == other)
    }
}

/// An expression as a tree; its value is computed from that, not from the text.
#[derive(Debug, Clone)]
enum Tree {
    Number { above: i128, digits: u32 },
    Negative(Box<Tree>),
    Operation(char, Box<Tree>, Box<Tree>),
}

impl Tree {
    fn value(&self) -> Option<Fraction> {
        match self {
            Tree::Number { above, digits } => Some(Fraction::decimal(*above, *digits)),
            Tree::Negative(inside) => {
                inside.value().map(|value| Fraction { above: -value.above, ..value })
            }
            Tree::Operation(operator, left, right) => {
                Fraction::computed(*operator, left.value()?, right.value()?)
            }
        }
    }

    /// How tightly it binds.
    fn strength(&self) -> u8 {
        match self {
            Tree::Operation('+' | '-', ..) => 1,
            Tree::Operation(..) => 2,
            Tree::Negative(_) | Tree::Number { .. } => 3,
        }
    }

    /// Writes it with no more brackets than it needs.
    fn text(&self) -> String {
        match self {
            Tree::Number { above, digits: 0 } => above.to_string(),
            Tree::Number { above, digits } => {
                let ten = 10_i128.pow(*digits);
                format!("{}.{:0width$}", above / ten, above % ten, width = *digits as usize)
            }
            Tree::Negative(inside) => format!("-{}", inside.within(3)),
            Tree::Operation(operator, left, right) => {
                let strength = self.strength();
                let (left, right) = (left.within(strength), right.within(strength + 1));
                format!("{left} {operator}{right}")
            }
        }
    }

    fn within(&self, strength: u8) -> String {
        match self.strength() < strength {
            true => format!("( {})", self.text()),
            false => self.text(),
        }
    }
}

fn tree() -> impl Strategy<Value = Tree> {
    let number =
        (0..100_000_i128, 0..4_u32).prop_map(|(above, digits)| Tree::Number { above, digits });
    number.prop_recursive(4, 12, 2, |inside| {
        let operator = proptest::sample::select(vec!['+', '-', '*', '%']);
        prop_oneof![
            inside.clone().prop_map(|inside| Tree::Negative(Box::new(inside))),
            (operator, inside.clone(), inside).prop_map(|(operator, left, right)| {
                Tree::Operation(operator, Box::new(left), Box::new(right))
            }),
        ]
    })
}

fn printed(expression: &str) -> String {
    match evaluate(expression) {
        Ok(value) => value.normalize().to_string(),
        Err(error) => panic!("{expression}: {error}"),
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_value_is_what_whole_numbers_say(tree in tree()) {
        let (text, value) = (tree.text(), tree.value());
        prop_assume!(value.is_some());
        let value = value.expect("assumed");
        let result = printed(&text);
        prop_assert!(Fraction::read(&result).equals(value), "{text} = {value:?}, not {result}");
    }

    #[test]
    fn a_quotient_is_right_to_the_last_digit(
        (above, below) in (-1_000_000..1_000_000_i128, 1..1_000_000_i128),
    ) {
        let quotient = printed(&format!("{above} / {below}"));
        let (whole, fraction) = quotient.split_once('.').unwrap_or((&quotient, ""));
        let digits: i128 = format!("{whole}{fraction}").parse().expect("digits");
        let exact = above * 10_i128.pow(fraction.len() as u32);
        prop_assert!(2 * (digits * below - exact).abs() <= below, "{above} / {below} = {quotient}");
    }

    #[test]
    fn arbitrary_text_is_answered_without_panic(text in "\\PC{0,60}") {
        let _ = evaluate(&text);
    }

    #[test]
    fn what_looks_like_an_expression_is_answered_without_panic(
        text in "[-+*/%() .0-9]{0,60}",
    ) {
        if let Err(error) = evaluate(&text) {
            prop_assert!(error.to_string().len() < 120, "{error}");
        }
    }
}
