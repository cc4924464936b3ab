//! Pages of real studies: what they say, and that a browser shows them.

mod browser;
mod page;
mod support;
