//! A report that any browser shows.
use crate::scenario::log::Comparison;

/// Writes the page.
pub fn page(comparisons: &[Comparison], reproduce: &dyn Fn(&Comparison) -> String) -> String {
    comparisons.iter().map(reproduce).collect()
}
