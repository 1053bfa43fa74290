//! Folders of pictures as data: in memory and streamed, whole and by patches, of one size and of several.

use std::fs;

use crate::support::Desk;

/// A BMP of 24 bits: stripes whose width and colour follow `number`.
fn bmp(width: usize, height: usize, number: usize) -> Vec<u8> {
    let line = (3 * width).next_multiple_of(4);
    let mut bytes = b"BM".to_vec();
    bytes.extend((54 + line * height).to_le_bytes()[..4].iter().chain(&[0; 4]).chain(&[54, 0, 0, 0, 40, 0, 0, 0]));
    bytes.extend((width as u32).to_le_bytes().iter().chain(&(height as u32).to_le_bytes()).chain(&[1, 0, 24, 0]));
    bytes.extend([0; 24]);
    for y in 0..height {
        for x in 0..line {
            let wave = ((x / 3) as f64 * (0.4 + 0.05 * number as f64) + 0.2 * y as f64 + (x % 3 * number) as f64).sin();
            bytes.push(if x < 3 * width { (127.0 + 120.0 * wave) as u8 } else { 0 });
        }
    }
    bytes
}

/// `n` pictures in each of two folders, of one size or of several.
fn folder(n: usize, is_mixed: bool) -> Desk {
    let desk = Desk::new();
    for kind in ["bars", "dots"] {
        fs::create_dir_all(desk.path(&format!("photos/{kind}"))).unwrap();
        for i in 0..n {
            let more = if is_mixed { i % 3 } else { 0 };
            desk.write(&format!("photos/{kind}/{i:02}.bmp"), bmp(12 + more, 10 + 2 * more, i));
        }
    }
    desk
}

#[test]
fn a_folder_of_one_size_is_learnt_whole_with_its_folders_as_labels() {
    let desk = folder(8, false);
    desk.stdout("train --data photos --hidden 8,2 --epochs 2 --out run --quiet");
    let config: serde_json::Value = serde_json::from_slice(&desk.read("run/model/config.json")).unwrap();
    assert_eq!((&config["image_shape"], &config["channels"]), (&serde_json::json!([10, 12]), &3.into()));
    desk.stdout("encode run --data photos -o codes.csv");
    let codes = desk.text("codes.csv");
    assert!(codes.starts_with("picture,code_0,code_1\nbars/00.bmp,"), "{}", &codes[..80]);
    desk.stdout("evaluate run --data photos --per-row rows.csv --json");
    assert!(desk.text("rows.csv").contains("\n8,dots,"));
    assert!(desk.text("run/report.html").contains("dots"));
    // A model of grey pictures of another size takes them as it learnt them.
    desk.stdout(
        "train --data photos --colour grey --image-size 6x5 --fit stretch --hidden 4 --epochs 1 --out grey --quiet",
    );
    let config: serde_json::Value = serde_json::from_slice(&desk.read("grey/model/config.json")).unwrap();
    assert_eq!((&config["image_shape"], config.get("channels")), (&serde_json::json!([5, 6]), None));
    assert_eq!(desk.json("evaluate grey/model --data photos --json")["features"], 30);
    // Restored they are an array of pictures, which is data again; in tables they are columns, and other images stay rows.
    let shape = |file: &str| {
        let head = String::from_utf8_lossy(&desk.read(file)[..128]).into_owned();
        head[head.find("'shape'").unwrap()..].trim_end().to_owned()
    };
    desk.stdout("reconstruct grey --data photos -o grey.npy -q");
    desk.stdout("reconstruct run -o colour.npy -q");
    assert_eq!(shape("grey.npy"), "'shape': (16, 5, 6), }");
    assert_eq!(shape("colour.npy"), "'shape': (16, 10, 12, 3), }");
    assert_eq!(desk.json("data info colour.npy --json")["image_shape"], serde_json::json!([10, 12]));
    desk.stdout("reconstruct grey --data photos -o grey.csv -q");
    assert!(desk.text("grey.csv").starts_with("picture,feature_0,"));
    desk.stdout("train --data strokes --rows 20 --hidden 4 --epochs 1 --out strokes --no-report --quiet");
    desk.stdout("reconstruct strokes --data strokes:test --rows 3 -o strokes.npy -q");
    assert_eq!(shape("strokes.npy"), "'shape': (3, 784), }");
}

#[test]
fn patches_of_a_folder_are_learnt_in_memory_or_from_the_disk() {
    let desk = folder(8, false);
    desk.stdout("train --data photos --patch 4 --hidden 8,3 --epochs 2 --out memory --quiet");
    let judged = desk.json("evaluate memory --data photos --json --per-picture each.csv");
    assert_eq!((&judged["pictures"]["pictures"], &judged["pictures"]["patches"]), (&16.into(), &20.into()));
    assert!(desk.text("each.csv").contains("\n8,dots,"));
    let streamed = "train --data photos --patch 4 --hidden 8,3 --stream --quiet --epochs";
    desk.stdout(&format!("{streamed} 3 --out stream"));
    assert!(desk.text("stream/config.toml").contains("stream = true"));
    let config: serde_json::Value = serde_json::from_slice(&desk.read("stream/model/config.json")).unwrap();
    assert_eq!((&config["patch"], &config["stride"], &config["channels"]), (&4.into(), &2.into(), &3.into()));
    // Part of the way, then on: the same bits.
    desk.stdout(&format!("{streamed} 1 --out part"));
    desk.stdout("resume part --epochs 3 --quiet");
    assert_eq!(desk.read("stream/model/model.safetensors"), desk.read("part/model/model.safetensors"));
    desk.stdout("evaluate stream --data photos --json");
}

#[test]
fn pictures_of_several_sizes_are_learnt_by_patches_without_a_word() {
    let desk = folder(6, true);
    let error = desk.refused("train --data photos", 3);
    assert!(error.contains("--image-size"), "{error}");
    desk.stdout("train --data photos --patch 4 --hidden 6,2 --epochs 1 --out run --quiet");
    let error = desk.refused("train --data photos --patch 11", 3);
    assert!(error.contains("fewer than a patch of 11"), "{error}");
    // The model knows the median of their sizes, wherever it lies; flags choose otherwise.
    fs::rename(desk.path("run/model"), desk.path("alone")).unwrap();
    let judged = desk.json("evaluate alone --data photos --json");
    let size = |judged: &serde_json::Value| {
        ["pictures", "height", "width"].map(|key| judged["pictures"][key].as_u64().unwrap())
    };
    assert_eq!(size(&judged), [12, 12, 13]);
    let same = desk.json("evaluate alone --data photos --image-size 13x12 --fit crop --json");
    assert_eq!(judged["pictures"], same["pictures"]);
    assert_eq!(size(&desk.json("evaluate alone --data photos --image-size 12x10 --fit crop --json")), [12, 10, 12]);
    let error = desk.refused("evaluate alone --data photos --fit keep", 3);
    assert!(error.contains("--image-size"), "{error}");
    let said = desk.cae("encode alone --data photos -o codes.csv").assert().success().get_output().stderr.clone();
    assert!(String::from_utf8_lossy(&said).contains("brought to 13 x 12, the median"));
    desk.stdout("reconstruct alone --data photos --image restored.png -o restored.npy");
    assert!(desk.read("restored.npy")[..128].windows(29).any(|text| text == b"'shape': (12, 12, 13, 3), }  "));
    // Of one size they are taken as they are.
    assert_eq!(size(&desk.json("evaluate alone --data photos/bars/00.bmp --json")), [1, 10, 12]);
    let info = desk.json("data info photos --json");
    assert_eq!((&info["pictures"], &info["sizes"].as_array().unwrap().len()), (&12.into(), &3));
    assert!(desk.stdout("data info photos").contains("bars (6), dots (6)"));
}

#[test]
fn what_training_did_to_pictures_goes_with_the_model() {
    let desk = folder(6, true);
    for (name, flags, fit) in [
        ("whole", "--image-size 8x6 --fit crop", "crop"),
        ("patches", "--patch 4 --image-size 8x6 --fit stretch", "stretch"),
        ("bounded", "--patch 4 --image-size 9x9", "keep"),
    ] {
        desk.stdout(&format!("train --data photos {flags} --hidden 4 --epochs 1 --out {name} --quiet"));
        fs::rename(desk.path(&format!("{name}/model")), desk.path(&format!("{name}-alone"))).unwrap();
        let told = desk.json(&format!("inspect {name}-alone --json"));
        assert_eq!(told["fit"], fit, "{name}");
        // As with the flags of training, where they give one size.
        let evaluate = |more: &str| desk.json(&format!("evaluate {name}-alone --data photos {more} --json"));
        let judged = evaluate("");
        if fit != "keep" {
            assert_eq!(judged, evaluate(flags.trim_start_matches("--patch 4")), "{name}");
        }
        assert_ne!(judged["mse"], evaluate("--image-size 8x6 --fit pad")["mse"], "{name}");
    }
    // A model of before says nothing of it, and takes whole pictures as they were taken then.
    let path = desk.path("whole-alone/config.json");
    let mut config: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    config.as_object_mut().unwrap().remove("fit").unwrap();
    fs::write(&path, config.to_string()).unwrap();
    let evaluate = |more: &str| desk.json(&format!("evaluate whole-alone --data photos {more} --json"))["mse"].clone();
    assert_eq!(evaluate(""), evaluate("--fit pad"));
    config["image_size"] = "8x6".into();
    fs::write(&path, config.to_string()).unwrap();
    let error = desk.refused("inspect whole-alone", 3);
    assert!(error.contains("`image_size` and `median_size` must be left out without `patch`, got 8x6"), "{error}");
}

#[test]
fn a_broken_picture_is_named_or_passed_over() {
    let desk = folder(5, false);
    desk.write("photos/bars/99.bmp", &bmp(12, 10, 1)[..80]);
    let error = desk.refused("train --data photos --patch 4", 3);
    assert!(error.contains("bars/99.bmp") && error.contains("--skip-broken"), "{error}");
    let train = "train --data photos --patch 4 --hidden 4 --epochs 1 --skip-broken --out";
    for (place, more) in [("memory", ""), ("stream", " --stream")] {
        let output = desk.cae(&format!("{train} {place}{more}")).assert().success().get_output().clone();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(said.contains("1 of 11 pictures are broken and were passed over: bars/99.bmp"), "{said}");
    }
    desk.stdout("evaluate memory --json");
}

#[test]
fn settings_of_pictures_are_refused_for_tables_and_a_folder_of_tables_stays_one() {
    let desk = folder(2, false);
    desk.write("table.csv", "a,b\n1,2\n3,4\n5,6\n");
    let error = desk.refused("train --data table.csv --image-size 8", 2);
    assert!(error.contains("data.image_size") && error.contains("leave out --image-size"), "{error}");
    let error = desk.refused("train --data photos --label-column x", 2);
    assert!(error.contains("label_column"), "{error}");
    fs::create_dir(desk.path("tables")).unwrap();
    desk.write("tables/part.csv", "a,b\n1,2\n3,5\n5,6\n");
    desk.write("tables/plot.bmp", bmp(12, 10, 0));
    assert_eq!(desk.json("data info tables --json")["features"], 2);
}

#[test]
fn a_folder_of_tables_and_pictures_is_what_it_holds_most_of_or_refused() {
    let desk = folder(5, false);
    desk.write("photos/labels.csv", "name,kind\nbars/00.bmp,1\n");
    assert_eq!(desk.json("data info photos --json")["pictures"], 10);
    let told = |command: &str| {
        let output = desk.cae(command).assert().success().get_output().clone();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(said.contains("labels.csv was passed over: photos holds 10 pictures"), "{said}");
    };
    told("train --data photos --hidden 4 --epochs 1 --out run");
    told("train --data photos --hidden 4 --epochs 1 --patch 4 --stream --out stream");
    told("train --detector --data photos --hidden 4 --patch 4 --steps 2 --out detector");
    desk.stdout("evaluate run --data photos --json");
    // Between the two nothing is chosen, and what would be is said.
    desk.write("photos/more.csv", "a\n1\n");
    for command in ["train --data photos", "train --detector --data photos", "data info photos"] {
        let error = desk.refused(command, 2);
        let of = "as a table, of labels.csv and 1 more, and as 10 pictures";
        assert!(error.contains(of) && error.contains("for the table give 'photos/*.csv'"), "{error}");
    }
    // Tables with a plot beside them stay tables, for detectors too.
    fs::create_dir(desk.path("tables")).unwrap();
    for part in 0..2 {
        let rows: String = (0..40).map(|i| format!("{},{}\n", i % 7, (i * part) % 5)).collect();
        desk.write(&format!("tables/part-{part}.csv"), format!("a,b\n{rows}"));
    }
    desk.write("tables/plot.bmp", bmp(12, 10, 0));
    assert_eq!(desk.json("data info tables --json")["rows"], 80);
    desk.stdout("train --detector --data tables --hidden 2 --steps 2 --out of-table --quiet");
    desk.stdout("detect of-table --data tables/part-0.csv -o scores.csv --quiet");
}
