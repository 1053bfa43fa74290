//! Words of a page with their meanings: a button at the first use of a word in each panel opens its meaning there, without
//! scripts, and the last panel lists those used.

use askama::Template;

use crate::error::FigureError;
use crate::glossary::{GLOSSARY, Word};

/// Words are marked in what we write. What comes from data (cells, names) stands in elements where they are not.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// Not yet in a text.
    Outside,
    /// In a text of ours.
    Text,
    /// In a part without marks, whatever is inside.
    Barred,
}

/// Elements that never close.
const VOID: [&str; 3] = ["img", "input", "br"];

/// Marks words, and remembers which.
pub(super) struct Terms {
    /// Form and place in the glossary, long forms first.
    forms: Vec<(&'static str, usize)>,
    is_used: [bool; GLOSSARY.len()],
}

impl Terms {
    pub(super) fn new() -> Self {
        let of_word = |(i, word): (usize, &Word)| word.forms.iter().map(move |form| (*form, i)).collect::<Vec<_>>();
        let mut forms: Vec<(&'static str, usize)> = GLOSSARY.iter().enumerate().flat_map(of_word).collect();
        forms.sort_by_key(|(form, _)| std::cmp::Reverse(form.len()));
        Terms { forms, is_used: [false; GLOSSARY.len()] }
    }

    /// The panel `id` with a button at the first use of each word.
    pub(super) fn marked(&mut self, id: &str, markup: &str) -> String {
        let mut out = String::with_capacity(markup.len() + 4096);
        let mut is_marked = [false; GLOSSARY.len()];
        let mut places = vec![Place::Outside];
        let mut rest = markup;
        while let Some(at) = rest.find('<') {
            let (text, tag) = rest.split_at(at);
            self.mark(id, text, places.last() == Some(&Place::Text), &mut is_marked, &mut out);
            let end = tag.find('>').map_or(tag.len(), |end| end + 1);
            out.push_str(&tag[..end]);
            walk(&tag[1..end], &mut places);
            rest = &tag[end..];
        }
        out.push_str(rest);
        out
    }

    /// Adds a text between two tags.
    fn mark(&mut self, id: &str, text: &str, is_ours: bool, is_marked: &mut [bool; GLOSSARY.len()], out: &mut String) {
        if !is_ours {
            return out.push_str(text);
        }
        let mut at = 0;
        while let Some(next) = text[at..].chars().next() {
            // Settings stand between such marks, and are shown as the page shows all of them.
            let quoted = if next == '`' { text[at + 1..].find('`').map(|end| end + 2) } else { None };
            let found = self.forms.iter().find(|(form, _)| is_written(text, at, form));
            let length = match (quoted, found) {
                (Some(length), _) => length,
                (None, Some((form, _))) => form.len(),
                (None, None) => next.len_utf8(),
            };
            let piece = &text[at..at + length];
            at += length;
            if quoted.is_some() {
                out.push_str(&format!("<code>{}</code>", piece.trim_matches('`')));
                continue;
            }
            match found.map(|(_, i)| *i).filter(|i| !is_marked[*i]) {
                Some(i) => {
                    (is_marked[i], self.is_used[i]) = (true, true);
                    out.push_str(&button(&format!("word-{id}-{i}"), piece, &GLOSSARY[i]));
                }
                None => out.push_str(piece),
            }
        }
    }

    /// The panel of the words used; empty where none is.
    pub(super) fn panel(&self) -> Result<String, FigureError> {
        let used = GLOSSARY.iter().zip(self.is_used).filter(|(_, is_used)| *is_used).map(|(word, _)| *word);
        let panel = WordsPanel { words: used.collect() };
        if panel.words.is_empty() { Ok(String::new()) } else { Ok(panel.render()?) }
    }
}

#[derive(Template)]
#[template(path = "panel/words.html")]
struct WordsPanel {
    words: Vec<Word>,
}

/// A word that opens its meaning. Where a browser knows no popovers, the style sheet shows it while the button has focus.
fn button(id: &str, shown: &str, word: &Word) -> String {
    format!(
        "<button type=\"button\" class=\"term\" popovertarget=\"{id}\">{shown}</button><span class=\"meaning\" \
         role=\"note\" popover id=\"{id}\"><b>{}</b> {}</span>",
        word.name, word.meaning
    )
}

/// Whether `form` is a whole word of `text` at `at`. Only a single letter must be of the same case.
fn is_written(text: &str, at: usize, form: &str) -> bool {
    let Some(piece) = text.get(at..at + form.len()) else { return false };
    let is_same = if form.len() == 1 { piece == form } else { piece.eq_ignore_ascii_case(form) };
    let joins = |c: char| c.is_alphanumeric() || "_‖²^".contains(c);
    let before = text[..at].chars().next_back().is_some_and(|c| joins(c) || ".‖-".contains(c));
    let after = text[at + form.len()..].chars().next().is_some_and(joins);
    is_same && !before && !after
}

/// Moves into or out of the element of `tag`, which begins after its `<`.
fn walk(tag: &str, places: &mut Vec<Place>) {
    if tag.starts_with('/') {
        // The outermost place stays.
        if places.len() > 1 {
            places.pop();
        }
        return;
    }
    let inside = tag.trim_end_matches('>');
    let name = inside.split([' ', '\n', '/']).next().unwrap_or_default();
    if inside.ends_with('/') || VOID.contains(&name) {
        return;
    }
    let class = inside.split("class=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
    let last = places.last().copied().unwrap_or(Place::Outside);
    places.push(match (name, class) {
        _ if last == Place::Barred => Place::Barred,
        ("p", "line" | "kind") | ("p" | "table" | "ul" | "code", "names") => Place::Barred,
        ("p" | "dt", _) | ("ul", "advice") | ("table", "facts" | "compare") | ("code", "formula") => Place::Text,
        ("thead" | "td" | "code" | "pre" | "svg" | "button" | "bdi" | "a" | "label" | "caption", _) => Place::Barred,
        _ => last,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(markup: &str) -> (String, Terms) {
        let mut terms = Terms::new();
        let page = terms.marked("x", markup);
        (page, terms)
    }

    /// The words that have buttons.
    fn buttons(markup: &str) -> Vec<String> {
        let (page, _) = marked(markup);
        let shown = page.split("class=\"term\"").skip(1);
        shown.map(|rest| rest.split_once('>').unwrap().1.split('<').next().unwrap().to_owned()).collect()
    }

    #[test]
    fn the_first_use_of_a_word_opens_its_meaning() {
        let (page, terms) = marked("<section><h2>Codes</h2><p>The code is a <b>code</b>.</p></section>");
        assert!(page.starts_with("<section><h2>Codes</h2><p>The <button type=\"button\" class=\"term\""), "{page}");
        assert!(page.ends_with("</span> is a <b>code</b>.</p></section>"), "{page}");
        assert_eq!(page.matches("popover id=\"word-x-0\"").count(), 1);
        let list = terms.panel().unwrap();
        assert!(list.contains("<dt>code</dt>") && !list.contains("<dt>J</dt>"), "{list}");
        assert_eq!(marked("<p>nothing</p>").1.panel().unwrap(), "");
    }

    #[test]
    fn the_longest_whole_word_is_taken() {
        for (text, words) in [
            ("mean ‖J‖² and ‖J‖, of J", vec!["‖J‖²", "‖J‖", "J"]),
            ("Dead code units of the code", vec!["Dead code units", "code"]),
            ("encoder, decode, JPEG, j, code_size, objective.contraction", vec![]),
            ("lower `the code` or the penalty.", vec!["penalty"]),
            ("a ` alone, saturated", vec!["saturated"]),
            ("sse + 0.1 ‖J‖²_F", vec!["sse", "‖J‖²_F"]),
        ] {
            assert_eq!(buttons(&format!("<p>{text}</p>")), words, "{text}");
        }
    }

    #[test]
    fn what_comes_from_data_has_no_buttons() {
        for markup in [
            "<p>Worst is <bdi>code</bdi> of <code>J</code></p>",
            "<p class=\"line\">code</p><h1>code</h1>",
            "<table class=\"facts moves\"><tbody><tr><th>code</th><td><p>code</p></td></tr></tbody></table>",
            "<table class=\"facts\"><thead><tr><th>code</th></tr></thead></table><svg><title>code</title></svg>",
        ] {
            assert!(buttons(markup).is_empty(), "{markup}");
        }
        assert_eq!(marked("<p>Lower `a.code`.</p>").0, "<p>Lower <code>a.code</code>.</p>");
        let facts = "<table class=\"facts\"><tr><th scope=\"row\">penalty</th><td>J</td></tr></table><dt>code</dt>";
        assert_eq!(buttons(facts), ["penalty", "code"]);
        assert_eq!(buttons("<p>a<img src=\"x\"><line x=\"1\"/> code</p>code"), ["code"]);
    }
}
