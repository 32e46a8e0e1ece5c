//! Reports: pure functions of a comparison. A report never runs anything.

pub mod conditions;
pub mod distributions;
pub mod expect;
pub mod facts;
pub mod html;
pub mod json;
pub mod markdown;
pub mod mission;
pub mod parity;
pub mod pictures;
pub mod table;
