//! The folder's first page.
