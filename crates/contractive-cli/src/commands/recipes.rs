//! `cae recipes`: what can be trained by name.

use clap::Args;
use contractive::TrainConfig;
use contractive::recipe::{self, Recipe};
use serde::Serialize;

use crate::errors::Usage;
use crate::exit::Ending;
use crate::output::{print, print_json};
use crate::table::pairs;

/// List the recipes, explain one, or find them by words.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Recipes {
    /// The recipe to explain; or words to find recipes by, such as those of an article: where it stands, what it uses.
    #[arg(value_name = "NAME_OR_WORDS")]
    words: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Print the recipe's whole configuration as TOML, to be changed and given to `cae train --config`.
    #[arg(long, conflicts_with = "json")]
    toml: bool,
}

const AFTER_HELP: &str = "\
Examples:
  cae recipes
  cae recipes fashion-64-32-16
  cae recipes keras fashion_mnist                  find by words
  cae recipes mnist-sigmoid --toml > mine.toml && cae train --config mine.toml";

#[derive(Serialize)]
struct RecipeRecord<'a> {
    name: &'a str,
    description: &'a str,
    explanation: &'a str,
    keywords: &'a [String],
    is_default: bool,
    config: &'a TrainConfig,
}

impl<'a> From<&'a Recipe> for RecipeRecord<'a> {
    fn from(recipe: &'a Recipe) -> Self {
        RecipeRecord {
            name: recipe.name,
            description: &recipe.description,
            explanation: &recipe.explanation,
            keywords: &recipe.keywords,
            is_default: recipe.name == recipe::DEFAULT,
            config: &recipe.config,
        }
    }
}

impl Recipes {
    /// Runs the subcommand.
    pub(crate) fn run(self) -> anyhow::Result<Ending> {
        if self.words.is_empty() {
            if self.toml {
                return Err(Usage("--toml prints one recipe; name it: `cae recipes NAME --toml`".into()).into());
            }
            let all = recipe::all()?;
            if self.json {
                print_json(&all.iter().map(RecipeRecord::from).collect::<Vec<_>>())?;
                return Ok(Ending::Done);
            }
            print(&listed(&all))?;
            return Ok(Ending::Done);
        }
        let words = self.words.join(" ");
        let recipe = match recipe::find(&words) {
            Ok(recipe) => recipe,
            Err(unknown) => {
                let found = recipe::search(&words)?;
                if found.is_empty() || self.toml {
                    return Err(unknown.into());
                }
                if self.json {
                    print_json(&found.iter().map(RecipeRecord::from).collect::<Vec<_>>())?;
                } else {
                    print(&listed(&found))?;
                }
                return Ok(Ending::Done);
            }
        };
        if self.json {
            print_json(&RecipeRecord::from(&recipe))?;
        } else if self.toml {
            print(&recipe.config.to_toml()?)?;
        } else {
            let Recipe { name, description, explanation, config, .. } = &recipe;
            let explanation = wrapped(explanation, 100);
            print(&format!("{name}: {description}\n\n{explanation}\n\n{}", config.to_toml()?))?;
        }
        Ok(Ending::Done)
    }
}

/// A line a recipe, and what can be done with them.
fn listed(recipes: &[Recipe]) -> String {
    let lines: Vec<(&str, String)> = recipes.iter().map(|recipe| (recipe.name, line(recipe))).collect();
    pairs(&lines) + "\nExplain one with `cae recipes NAME`, train it with `cae train NAME`.\n"
}

fn line(recipe: &Recipe) -> String {
    let default = if recipe.name == recipe::DEFAULT { " (default)" } else { "" };
    format!("{}{default}", recipe.description)
}

/// `text` in lines of at most `width` characters, parted at spaces.
fn wrapped(text: &str, width: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.len() - 1;
        if lines[last].is_empty() {
            lines[last].push_str(word);
        } else if lines[last].chars().count() + 1 + word.chars().count() <= width {
            lines[last].push(' ');
            lines[last].push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_wrapped_at_spaces() {
        assert_eq!(wrapped("one two three", 7), "one two\nthree");
        assert_eq!(wrapped("incomprehensible", 3), "incomprehensible");
        assert_eq!(wrapped("", 3), "");
    }
}
