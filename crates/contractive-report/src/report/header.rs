//! The head of a page: what it is of, its main numbers, and what a reader should not miss.

use askama::Template;

/// A number, what it is called and what it is of.
pub(super) struct Headline {
    name: String,
    value: String,
    of: String,
}

/// A number for the head.
pub(super) fn headline(name: &str, value: String, of: String) -> Headline {
    Headline { name: name.to_owned(), value, of }
}

/// The head.
#[derive(Template)]
#[template(path = "header.html")]
pub(super) struct Header {
    pub name: String,
    pub line: String,
    pub figures: Vec<Headline>,
    pub advice: Vec<String>,
}
