//! Recipes: named runs that are known to work, compiled in from the repository's folder `recipes/`.

use toml::Table;

use crate::config::{ConfigError, Layer, TrainConfig};

/// A named configuration with its reasons.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// The name that [`find`] takes.
    pub name: &'static str,
    /// One line on what it trains.
    pub description: String,
    /// Why its settings are as they are.
    pub explanation: String,
    /// Words by which people look for it: where its source stands, and what that uses.
    pub keywords: Vec<String>,
    /// The settings.
    pub config: TrainConfig,
}

/// The recipe of a run that names none.
pub const DEFAULT: &str = "strokes";

const SOURCES: [(&str, &str); 10] = [
    ("strokes", include_str!("../recipes/strokes.toml")),
    ("fashion-64-32-16", include_str!("../recipes/fashion-64-32-16.toml")),
    ("mnist-sigmoid", include_str!("../recipes/mnist-sigmoid.toml")),
    ("fashion-64-32-16-published", include_str!("../recipes/fashion-64-32-16-published.toml")),
    ("mnist-note", include_str!("../recipes/mnist-note.toml")),
    ("mnist-bce", include_str!("../recipes/mnist-bce.toml")),
    ("mnist-256-64-exact", include_str!("../recipes/mnist-256-64-exact.toml")),
    ("mnist-256-64-fd", include_str!("../recipes/mnist-256-64-fd.toml")),
    ("mnist-256-64-l1", include_str!("../recipes/mnist-256-64-l1.toml")),
    ("mnist-rifai", include_str!("../recipes/mnist-rifai.toml")),
];

/// The names of all recipes, the default one first.
pub fn names() -> impl Iterator<Item = &'static str> {
    SOURCES.iter().map(|(name, _)| *name)
}

/// All recipes, the default one first.
///
/// # Errors
/// [`ConfigError`] when a compiled-in recipe is malformed, which a test rules out.
pub fn all() -> Result<Vec<Recipe>, ConfigError> {
    SOURCES.iter().map(|(name, text)| parse(name, text)).collect()
}

/// The recipe of this name.
///
/// # Errors
/// [`ConfigError::UnknownRecipe`] with the nearest name.
pub fn find(name: &str) -> Result<Recipe, ConfigError> {
    match SOURCES.iter().find(|(known, _)| *known == name) {
        Some((name, text)) => parse(name, text),
        None => Err(ConfigError::UnknownRecipe {
            name: name.to_owned(),
            nearest: nearest(name),
            known: names().collect::<Vec<_>>().join(", "),
        }),
    }
}

/// The recipes that have every word of `text` in their name, description, explanation or keywords, capitals or not; none
/// where there is no word.
///
/// # Errors
/// As [`all`].
pub fn search(text: &str) -> Result<Vec<Recipe>, ConfigError> {
    let plain = |text: &str| text.to_lowercase().replace(['_', '-'], " ");
    let wanted: Vec<String> = text.split_whitespace().map(plain).collect();
    let has = |recipe: &Recipe| {
        let Recipe { name, description, explanation, keywords, .. } = recipe;
        let words = plain(&[name, description.as_str(), explanation, &keywords.join(" ")].join(" "));
        !wanted.is_empty() && wanted.iter().all(|word| words.contains(word.as_str()))
    };
    Ok(all()?.into_iter().filter(has).collect())
}

/// The recipe whose name is most like `name`, if one begins with it or is like it at all.
pub fn nearest(name: &str) -> Option<String> {
    let name = name.to_lowercase();
    // A likeness that weighs the beginning, as for names of data: a recipe's name ends in what nobody remembers.
    let likeness = |known: &str| strsim::jaro_winkler(&name, known);
    let most_like = names().max_by(|a, b| likeness(a).total_cmp(&likeness(b))).filter(|best| likeness(best) > 0.8);
    let begins = |known: &&str| !name.is_empty() && known.starts_with(&name);
    most_like.or_else(|| names().find(begins)).map(str::to_owned)
}

fn parse(name: &'static str, text: &str) -> Result<Recipe, ConfigError> {
    let origin = format!("the recipe {name}");
    let syntax = |reason: String| ConfigError::Syntax { origin: origin.clone(), line: None, reason };
    let mut table: Table = text.parse().map_err(|e: toml::de::Error| syntax(e.to_string()))?;
    let mut prose = |key: &str| match table.remove(key) {
        Some(toml::Value::String(text)) => Ok(text.trim().to_owned()),
        _ => Err(syntax(format!("it needs the text `{key}`"))),
    };
    let (description, explanation) = (prose("description")?, prose("explanation")?);
    let keywords = prose("keywords")?.split(',').map(|word| word.trim().to_owned()).collect();
    let mut config = TrainConfig::layered(&TrainConfig::stated(), &[Layer::from_table(origin.clone(), table)])?;
    config.recipe = Some(name.to_owned());
    Ok(Recipe { name, description, explanation, keywords, config })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_parses_checks_and_explains_itself() {
        let recipes = all().unwrap();
        assert_eq!(recipes.len(), SOURCES.len());
        assert_eq!(recipes[0].name, DEFAULT);
        for recipe in recipes {
            recipe.config.check().unwrap();
            assert!(!recipe.description.contains('\n') && recipe.explanation.len() > recipe.description.len());
            assert_eq!(find(recipe.name).unwrap(), recipe);
        }
    }

    #[test]
    fn recipes_are_found_by_the_words_of_their_sources() {
        let found = |text: &str| search(text).unwrap().iter().map(|recipe| recipe.name).collect::<Vec<_>>();
        let article = ["fashion-64-32-16", "fashion-64-32-16-published"];
        for words in ["GeeksforGeeks", "fashion_mnist", "tf.keras fashion"] {
            assert_eq!(found(words), article, "{words}");
        }
        assert_eq!(found("finite differences pytorch"), ["mnist-256-64-fd"]);
        assert!(found("keras").contains(&"mnist-note") && found("rifai").contains(&"mnist-rifai"));
        assert!(found("").is_empty() && found("quantum").is_empty());
    }

    #[test]
    fn a_slip_is_met_with_the_nearest_name() {
        assert_eq!(nearest("stroke").as_deref(), Some("strokes"));
        for near in ["fashion", "Fashion", "fashon", "fashion-64", "fashion-64-32-8"] {
            assert_eq!(nearest(near).as_deref(), Some("fashion-64-32-16"), "{near}");
        }
        assert_eq!(nearest("f").as_deref(), Some("fashion-64-32-16"));
        assert_eq!(nearest(""), None);
        assert_eq!(nearest("zzz"), None);
        let text = find("mnist-sigmod").unwrap_err().to_string();
        assert!(
            text.contains("unknown recipe `mnist-sigmod` (did you mean `mnist-sigmoid`?); the recipes are strokes")
        );
    }
}
