//! Recipes by name.

use crate::support::Desk;

#[test]
fn every_recipe_is_listed_explained_and_trainable() {
    let desk = Desk::new();
    let list = desk.stdout("recipes");
    let all = desk.json("recipes --json");
    let names: Vec<&str> = all.as_array().unwrap().iter().map(|recipe| recipe["name"].as_str().unwrap()).collect();
    assert_eq!(names[..3], ["strokes", "fashion-64-32-16", "mnist-sigmoid"]);
    for name in names {
        assert!(list.contains(name));
        let explained = desk.stdout(&format!("recipes {name}"));
        assert!(explained.contains("[training]") && explained.contains("penalty"), "{explained}");
        let toml = desk.stdout(&format!("recipes {name} --toml"));
        assert!(toml.parse::<toml::Table>().is_ok(), "{toml}");
    }
}

#[test]
fn a_recipes_toml_trains_the_same_run() {
    let desk = Desk::new();
    desk.write("mine.toml", desk.stdout("recipes strokes --toml"));
    let flags = "--rows 40 --epochs 1 --hidden 4 --validation 0 --quiet --out";
    desk.cae(&format!("train strokes {flags} one")).assert().success();
    desk.cae(&format!("train --config mine.toml {flags} two")).assert().success();
    assert_eq!(desk.text("one/config.toml"), desk.text("two/config.toml"));
    assert_eq!(desk.read("one/model/model.safetensors"), desk.read("two/model/model.safetensors"));
}

#[test]
fn an_unknown_recipe_suggests_the_nearest() {
    let desk = Desk::new();
    assert!(desk.refused("train strkes", 2).contains("did you mean `strokes`?"));
    assert!(desk.refused("recipes mnist-sigmod", 2).contains("did you mean `mnist-sigmoid`?"));
    assert!(desk.refused("train fashion", 2).contains("fashion-64-32-16"));
    assert!(desk.refused("train mnist", 2).contains("cae train --data mnist"));
    assert!(!desk.path("runs").exists());
}

/// In file order the last batch has the same rows every epoch, and its sum, the figure of the article, is shown.
#[test]
fn the_sum_over_the_last_batch_is_shown_in_file_order_and_always_recorded() {
    let desk = Desk::new();
    let flags = "--rows 40 --epochs 1 --hidden 4 --validation 0 --batch-size 32 --out";
    let shown = |words: &str| {
        let output = desk.cae(&format!("train strokes {flags} {words}")).assert().success().get_output().clone();
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(shown("in-order --set training.shuffle=false").contains("last batch"));
    assert!(!shown("shuffled").contains("last batch"));
    for run in ["in-order", "shuffled"] {
        let record: serde_json::Value = serde_json::from_str(&desk.text(&format!("{run}/metrics.jsonl"))).unwrap();
        let (sum, mean) = (record["last_batch_sum"].as_f64().unwrap(), record["train"]["total"].as_f64().unwrap());
        // Eight of the 40 rows.
        assert!(sum > 0.0 && sum < 40.0 * mean, "{sum} of {mean}");
    }
}

#[test]
fn recipes_are_found_by_the_words_of_an_article() {
    let desk = Desk::new();
    for words in ["GeeksforGeeks", "keras fashion_mnist", "Fashion-MNIST tensorflow"] {
        let text = desk.stdout(&format!("recipes {words}"));
        assert!(text.starts_with("fashion-64-32-16 ") && text.contains("cae train NAME"), "{words}: {text}");
        assert!(!text.contains("mnist-bce"), "{words}: {text}");
    }
    let found = desk.json("recipes finite differences --json");
    assert_eq!(found[0]["name"], "mnist-256-64-fd");
    assert!(desk.refused("recipes quantum", 2).contains("unknown recipe"));
}
