//! Reports: pure functions of a comparison. A report never runs anything.

pub mod expect;
pub mod json;
pub mod mission;
pub mod table;
