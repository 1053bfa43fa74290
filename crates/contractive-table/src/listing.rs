//! Names in messages: a few of many, and the nearest to one that is not there.

/// Names shown.
const SHOWN: usize = 12;

/// The first names, separated by commas, and how many more there are.
pub fn some_names<T: AsRef<str>>(names: &[T]) -> String {
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| cut(name.as_ref())).collect();
    let more = names.len().saturating_sub(SHOWN);
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}

/// A name as messages show it: control characters escaped, cut when long.
fn cut(name: &str) -> String {
    const LONGEST: usize = 80;
    let cut: String = name.chars().take(LONGEST).collect();
    let ends = if cut.len() < name.len() { "…" } else { "" };
    format!("{}{ends}", cut.escape_debug())
}

/// The names most like `wanted`, the nearest first: at most three, near enough to be meant.
pub fn nearest_names<'a>(wanted: &str, known: &'a [String]) -> Vec<&'a str> {
    const MOST: usize = 3;
    const LONGEST: usize = 500; // a longer one is no slip, and takes its time
    let wanted = wanted.to_lowercase();
    let likeness = |name: &str| {
        let name = name.to_lowercase();
        // A part of a name is what people remember of it.
        let is_part = wanted.len() > 2 && (name.contains(&wanted) || (name.len() > 2 && wanted.contains(&name)));
        strsim::jaro_winkler(&wanted, &name).max(if is_part { 0.9 } else { 0.0 })
    };
    let mut like: Vec<(f64, &str)> = known
        .iter()
        .filter(|name| name.len().max(wanted.len()) <= LONGEST)
        .map(|name| (likeness(name), name.as_str()))
        .filter(|(likeness, _)| *likeness > 0.8)
        .collect();
    like.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    like.into_iter().take(MOST).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_names_a_few_are_shown() {
        assert_eq!(some_names(&["a", "b"]), "a, b");
        let many: Vec<String> = (0..20_002).map(|i| format!("gene{i}")).collect();
        let text = some_names(&many);
        assert!(text.ends_with("gene11 and 19990 more") && text.len() < 200, "{text}");
        assert!(some_names(&["x".repeat(500)]).len() < 100);
    }

    #[test]
    fn the_nearest_names_are_those_that_may_be_meant() {
        let known = ["species", "petal_length", "petal_width", "label"].map(str::to_owned);
        assert_eq!(nearest_names("specie", &known), ["species"]);
        assert_eq!(nearest_names("Label", &known), ["label"]);
        assert_eq!(nearest_names("petal", &known), ["petal_length", "petal_width"]);
        assert!(nearest_names("zzz", &known).is_empty());
    }
}
