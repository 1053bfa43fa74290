//! Detectors of pictures: trained on a folder, scores, heat maps, pages, judged by folders and masks.

use std::fs;

use crate::support::Desk;

const SIDE: usize = 40;

/// A weave of a number with noise, RGB; a bright bar where it `is_odd`.
fn pixels(number: usize, is_odd: bool) -> Vec<[u8; 3]> {
    let mut state = number as u64 * 7919 + 17;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1_u32 << 31) - 0.5
    };
    let phase = number as f64;
    let mut all = Vec::new();
    for y in 0..SIDE {
        for x in 0..SIDE {
            let wave = ((x as f64 + phase) * 0.9).sin() + ((y as f64 + phase) * 0.9).sin();
            let mut pixel = [40.0, 20.0, 0.0].map(|base| (base + 110.0 + 35.0 * wave + 14.0 * noise()) as u8);
            if is_odd && (18..22).contains(&y) && (8..30).contains(&x) {
                pixel = [240, 30, 200];
            }
            all.push(pixel);
        }
    }
    all
}

/// A BMP of 24 bits.
fn bmp(pixels: &[[u8; 3]]) -> Vec<u8> {
    bmp_of(pixels, SIDE)
}

/// The same, so many pixels a side, a multiple of four.
fn bmp_of(pixels: &[[u8; 3]], side: usize) -> Vec<u8> {
    let size = pixels.len() * 3;
    let mut bytes = b"BM".to_vec();
    for word in [54 + size as u32, 0, 54, 40, side as u32, side as u32, 1 | 24 << 16, 0, size as u32, 0, 0, 0, 0] {
        bytes.extend(word.to_le_bytes());
    }
    for line in pixels.chunks(side).rev() {
        line.iter().for_each(|[r, g, b]| bytes.extend([*b, *g, *r]));
    }
    bytes
}

/// Ordinary pictures in `train`, both sorts in `test`, masks in `ground_truth`.
fn folders(desk: &Desk) {
    for folder in ["train/good", "test/good", "test/bar", "ground_truth/bar"] {
        fs::create_dir_all(desk.path(folder)).unwrap();
    }
    for i in 0..8 {
        desk.write(&format!("train/good/{i}.bmp"), bmp(&pixels(i, false)));
    }
    for i in 0..3 {
        desk.write(&format!("test/good/{i}.bmp"), bmp(&pixels(20 + i, false)));
        desk.write(&format!("test/bar/{i}.bmp"), bmp(&pixels(30 + i, true)));
        let mark = |p: [u8; 3]| if p == [240, 30, 200] { [255; 3] } else { [0; 3] };
        let marked: Vec<[u8; 3]> = pixels(30 + i, true).into_iter().map(mark).collect();
        desk.write(&format!("ground_truth/bar/{i}_mask.bmp"), bmp(&marked));
    }
}

fn trained() -> Desk {
    let desk = Desk::new();
    folders(&desk);
    desk.cae("train --detector --data train --steps 60 --out d -q").assert().success().stdout("");
    desk
}

#[test]
fn two_commands_train_on_a_folder_and_show_where_new_pictures_are_odd() {
    let desk = trained();
    assert!(desk.text("d/report.html").contains("ordinary pictures that the detector finds oddest"));
    desk.cae("detect d --data test -o scores.csv --heatmaps out").assert().success().stdout("");
    let table = desk.text("scores.csv");
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(lines[0], ["name", "folder", "score", "probability", "label"]);
    let score = |i: usize| lines[i][2].parse::<f64>().unwrap();
    assert_eq!((lines[1][0], lines[1][1], lines[1][4]), ("bar/0.bmp", "bar", "true"));
    assert!((1..=3).all(|i| (4..=6).all(|j| score(i) > score(j))), "{table}");
    for name in ["bar/0.png", "bar/0-outlined.png", "good/2.png", "good/2-outlined.png"] {
        assert!(desk.read(&format!("out/{name}")).starts_with(b"\x89PNG"), "{name}");
    }
    let page = desk.text("out/index.html");
    assert!(page.contains("bar/1.bmp") && page.contains("data:image/png;base64,") && !page.contains("src=\"http"));
    // The order of scores, and the picture's own bits.
    desk.cae("detect d --data test -o one.csv --threads 1 -q").assert().success();
    assert_eq!(desk.text("one.csv"), table);
    let told = desk.json("detect d --data test -o two.parquet --json --threshold value:1e9");
    assert_eq!((&told["pictures"], &told["anomalies"]), (&6.into(), &0.into()));
}

#[test]
fn folders_and_masks_judge_a_detector() {
    let desk = trained();
    let told = desk.json("evaluate d --data test --json");
    assert_eq!((&told["pictures"], &told["anomalies"], &told["regions"]), (&6.into(), &3.into(), &3.into()));
    assert_eq!(told["auroc"]["value"], 1.0);
    assert!(told["pixel_auroc"].as_f64().unwrap() > 0.95 && told["pro"].as_f64().unwrap() > 0.7, "{told}");
    fs::rename(desk.path("ground_truth"), desk.path("masks")).unwrap();
    let without = desk.json("evaluate d --data test --json");
    assert!(without["pixel_auroc"].is_null() && without["auroc"] == told["auroc"]);
    let with = desk.json("evaluate d --data test --masks masks --json");
    assert_eq!(with["pixel_auroc"], told["pixel_auroc"]);
    assert!(desk.stdout("evaluate d --data test --masks masks").contains("pro "));
    fs::rename(desk.path("test/good"), desk.path("test/fine")).unwrap();
    let text = desk.refused("evaluate d --data test", 2);
    assert!(text.contains("--good") && text.contains("fine"), "{text}");
    assert_eq!(desk.json("evaluate d --data test --good fine --json")["auroc"], told["auroc"]);
}

#[test]
fn thresholds_and_what_it_is_are_told_and_the_rest_is_refused() {
    let desk = trained();
    let text = desk.stdout("inspect d");
    assert!(text.contains("8 pictures") && text.contains("in colour") && text.contains("8 x 8"), "{text}");
    assert_eq!(desk.json("inspect d --json")["kind"], "image_detector");
    desk.cae("threshold d value:0.25 -q").assert().success();
    assert_eq!(desk.json("inspect d --json")["threshold"], 0.25);
    assert!(desk.stdout("threshold d").contains("contamination:0.01"));
    for (words, says) in [
        ("report d", "report.html"),
        ("drift d --data test", "of pictures"),
        ("export d -o d.onnx", "patch by patch"),
        ("threshold d contamination:0.1 --merge scores", "--merge"),
        ("detect d --data test -o s.csv --key a", "--key"),
        ("detect d --data test -o s.csv --follow", "--follow"),
        ("detect d --data test --heatmaps test/maps", "of its own"),
        ("detect d --data test --heatmaps .", "of its own"),
        ("detect d --data test --heatmaps d", "of its own"),
        ("evaluate d --data test --labels y", "--good"),
        ("train --detector --data train --key id --out e", "tables"),
        ("train --detector --data train --clean --out e", "tables"),
        ("train --detector --data train --patch 100 --out e", "64 pixels"),
    ] {
        let text = desk.refused(words, 2);
        assert!(text.contains(says), "{words}: {text}");
    }
    assert!(!desk.path("s.csv").exists() && !desk.path("e").exists() && !desk.path("test/maps").exists());
    desk.table("table.csv", 60, 3);
    desk.cae("train --detector --data table.csv --ensemble 1 --steps 20 --out t -q").assert().success();
    assert!(desk.refused("detect t --data table.csv -o s.csv --heatmaps out", 2).contains("pictures"));
    assert!(desk.refused("train --detector --data table.csv --colour --out f", 2).contains("pictures"));
}

#[test]
fn wholes_are_brought_to_one_size_and_told_by_their_outline() {
    let desk = Desk::new();
    folders(&desk);
    let text = desk.refused("train --detector --whole --data train --out w", 3);
    assert!(text.contains("at least 10 pictures"), "{text}");
    (8..14).for_each(|i| desk.write(&format!("train/good/{i}.bmp"), bmp(&pixels(i, false))));
    desk.cae("train --detector --whole --data train --hidden 24,8 --steps 60 --out w -q").assert().success().stdout("");
    let told = desk.json("inspect w --json");
    assert_eq!((&told["spec"]["whole"], &told["spec"]["size"]["width"]), (&true.into(), &32.into()));
    let text = desk.stdout("inspect w");
    assert!(text.contains("wholes, edges in cells of 8 x 8") && text.contains("training pictures"), "{text}");
    assert!(desk.text("w/report.html").contains("the outlines of whole pictures"));
    assert_eq!(desk.json("evaluate w --data test --json")["auroc"]["value"], 1.0);
    desk.cae("detect w --data test -o scores.csv --heatmaps out").assert().success().stdout("");
    assert!(desk.read("out/bar/0.png").starts_with(b"\x89PNG"));
    desk.cae("threshold w value:0.25 -q").assert().success();
    assert_eq!(desk.json("inspect w --json")["threshold"], 0.25);
    let text = desk.refused("train --detector --whole --position-aware --data train --out x", 2);
    assert!(text.contains("--position-aware"), "{text}");
    desk.write("train/good/small.bmp", bmp_of(&[[9; 3]; 400], 20));
    let text = desk.refused("train --detector --whole --image-size none --data train --out x", 3);
    assert!(text.contains("small.bmp") && text.contains("--image-size"), "{text}");
}

#[test]
fn a_broken_picture_is_named_and_passed_over_where_that_is_asked_for() {
    let desk = Desk::new();
    folders(&desk);
    desk.write("train/good/3.bmp", b"BM no picture");
    let text = desk.refused("train --detector --data train --steps 20 --colour rgb --out d", 3);
    assert!(text.contains("3.bmp") && text.contains("--skip-broken"), "{text}");
    assert!(!desk.path("d").exists());
    let words = "train --detector --data train --steps 20 --skip-broken --out d --json";
    let end = desk.stdout(words);
    assert!(end.contains("\"skipped\":[{\"name\":\"good/3.bmp\""), "{end}");
    desk.write("test/bar/1.bmp", b"BM no picture");
    assert!(desk.refused("detect d --data test -o s.csv --heatmaps out", 3).contains("1.bmp"));
    assert!(!desk.path("s.csv").exists());
    let told = desk.json("detect d --data test -o s.csv --skip-broken --json");
    assert_eq!((&told["pictures"], &told["skipped"][0]["name"]), (&5.into(), &"bar/1.bmp".into()));
}

#[test]
fn names_of_pictures_are_no_markup_and_lead_nowhere() {
    let desk = trained();
    fs::create_dir(desk.path("odd")).unwrap();
    desk.write("odd/<b>&x.bmp", bmp(&pixels(40, true)));
    desk.write("odd/a.b.bmp", bmp(&pixels(41, false)));
    desk.cae("detect d --data odd --heatmaps out -q").assert().success().stdout("");
    let page = desk.text("out/index.html");
    assert!(!page.contains("<b>&x") && page.contains("x.bmp"));
    assert!(desk.path("out/_b_&x.png").exists() && desk.path("out/a.b-outlined.png").exists());
}
