//! Recipes by name.

mod support;

use support::Desk;

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
