//! Pictures of a trace as SVG: each stands by itself, and several may stand on one page.
//!
//! Colour never says anything that shape does not say too. The same input gives the same bytes: all
//! numbers are rounded to a tenth of a pixel.

mod arrivals;
mod axis;
mod canvas;
mod ladder;
mod layout;
mod moments;
mod timeline;

pub use arrivals::arrivals;
pub use ladder::ladder;
pub use timeline::timeline;
