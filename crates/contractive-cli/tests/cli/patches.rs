//! Pictures in colour, of any size, learnt patch by patch: from the file to the report and back.

use crate::support::Desk;

/// A u8 array of this shape, as numpy saves it: gratings whose colours and slopes differ from picture to picture.
fn pictures(n: usize, height: usize, width: usize, channels: usize) -> Vec<u8> {
    let shape = if channels == 1 {
        format!("({n}, {height}, {width})")
    } else {
        format!("({n}, {height}, {width}, {channels})")
    };
    let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    for i in 0..n * height * width * channels {
        let (c, at) = (i % channels, i / channels);
        let (x, y, p) = (at % width, at / width % height, at / width / height);
        let wave = ((x as f64 * (0.5 + 0.1 * p as f64) + y as f64 * 0.3 + c as f64).sin() + 1.0) / 2.0;
        bytes.push((wave * 255.0) as u8);
    }
    bytes
}

const TRAIN: &str = "train --data p.npy --patch 4 --stride 2 --hidden 8,3 --epochs 2 --out run --quiet";

fn trained() -> Desk {
    let desk = Desk::new();
    desk.write("p.npy", pictures(12, 14, 10, 3));
    desk.stdout(TRAIN);
    desk
}

#[test]
fn pictures_in_colour_are_learnt_by_patches_and_a_report_shows_them() {
    let desk = trained();
    let config: serde_json::Value = serde_json::from_slice(&desk.read("run/model/config.json")).unwrap();
    assert_eq!((&config["image_shape"], &config["channels"]), (&serde_json::json!([4, 4]), &3.into()));
    assert_eq!((&config["patch"], &config["stride"]), (&4.into(), &2.into()));
    assert!(desk.text("run/config.toml").contains("patch = 4\nstride = 2"));
    let page = desk.text("run/report.html");
    assert!(page.contains("Patches of 4 × 4 × 3 pixels") && page.contains("mean of the patches over it"));
    for name in ["reconstructions.png", "filters.png"] {
        let png = desk.read(&format!("run/images/{name}"));
        // Colour type 2: red, green, blue.
        assert_eq!((&png[1..4], png[25]), (&b"PNG"[..], 2), "{name}");
    }
    let words = desk.stdout("inspect run");
    assert!(words.contains("patches of 4 x 4 pixels in colour, 2 apart"), "{words}");
}

#[test]
fn whole_pictures_are_judged_and_restored_of_any_size() {
    let desk = trained();
    desk.write("larger.npy", pictures(2, 21, 30, 3));
    let numbers = desk.json("evaluate run --data larger.npy --json --per-picture each.csv --per-row rows.csv");
    let of = &numbers["pictures"];
    // Tops 0, 2, …, 16, 17; lefts 0, 2, …, 26.
    assert_eq!((&of["pictures"], &of["patches"], &of["is_convolution"]), (&2.into(), &(10 * 14).into(), &false.into()));
    assert_eq!(numbers["rows"], 280);
    let number = |value: &serde_json::Value| value.as_f64().unwrap();
    assert!((number(&of["penalty"]) - 140.0 * number(&numbers["penalty"])).abs() < 1e-9 * number(&of["penalty"]));
    let each = desk.text("each.csv");
    let lines: Vec<Vec<&str>> = each.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!((lines.len(), &lines[0][..]), (3, &["row", "mse", "penalty"][..]));
    let mean = (1..3).map(|i| lines[i][1].parse::<f64>().unwrap()).sum::<f64>() / 2.0;
    assert!((mean - number(&of["mse"])).abs() < 1e-12);
    let rows = desk.text("rows.csv");
    assert!(rows.starts_with("row,picture,top,left,") && rows.contains("\n279,1,17,26,"), "{}", &rows[..200]);
    assert!(desk.stdout("evaluate run --data larger.npy").contains("penalty of a picture"));

    desk.stdout("encode run --data larger.npy -o codes.csv");
    let codes = desk.text("codes.csv");
    assert_eq!((codes.lines().next(), codes.lines().count()), (Some("picture,top,left,code_0,code_1,code_2"), 281));
    desk.stdout("reconstruct run --data larger.npy -o whole.npy --image rows.png");
    let whole = desk.read("whole.npy");
    assert!(String::from_utf8_lossy(&whole[..128]).contains("(2, 1890)"));
    let png = desk.read("rows.png");
    assert_eq!((&png[1..4], png[25]), (&b"PNG"[..], 2));
}

#[test]
fn a_run_of_patches_goes_on_to_the_same_bits() {
    let desk = trained();
    desk.stdout("train --data p.npy --patch 4 --stride 2 --hidden 8,3 --epochs 1 --out part --quiet");
    desk.stdout("resume part --epochs 2 --quiet");
    assert_eq!(desk.read("run/model/model.safetensors"), desk.read("part/model/model.safetensors"));
}

#[test]
fn grey_pictures_have_patches_too_and_a_file_that_has_none_is_refused() {
    let desk = Desk::new();
    desk.write("grey.npy", pictures(6, 9, 9, 1));
    desk.write("colour.npy", pictures(6, 9, 9, 3));
    desk.write("table.csv", "a,b\n1,2\n3,4\n5,6\n");
    desk.stdout("train --data grey.npy --patch 3 --hidden 4 --epochs 1 --out run --quiet");
    let config: serde_json::Value = serde_json::from_slice(&desk.read("run/model/config.json")).unwrap();
    assert_eq!((config.get("channels"), &config["stride"]), (None, &1.into()));
    let error = desk.refused("evaluate run --data colour.npy", 3);
    assert!(error.contains("must have 1 channel (grey), got 3 channels"), "{error}");
    let error = desk.refused("train --data table.csv --patch 2", 3);
    assert!(error.contains("patches are of pictures") && error.contains("leave out --patch"), "{error}");
    assert!(desk.refused("train --data grey.npy --patch 10", 2).contains("got 10"));
    assert!(desk.refused("train --data grey.npy --stride 2", 2).contains("data.stride"));
    let error = desk.refused("train --data grey.npy --set data.patch=[4,2]", 2);
    assert!(error.contains("second spatial layer") && error.contains("method=\"probes\""), "{error}");
}

#[test]
fn whole_pictures_in_colour_are_learnt_without_patches() {
    let desk = Desk::new();
    desk.write("p.npy", pictures(12, 5, 6, 3));
    desk.stdout("train --data p.npy --hidden 8,3 --epochs 2 --out run --quiet");
    let info = desk.json("data info p.npy --json");
    assert_eq!((&info["image_shape"], &info["channels"]), (&serde_json::json!([5, 6]), &3.into()));
    desk.stdout("inspect run --data p.npy --rows 2 --tangents t.png");
    assert_eq!(desk.read("run/images/reconstructions.png")[25], 2);
    let numbers = desk.json("evaluate run --json");
    assert_eq!(numbers.get("pictures"), None);
    let error = desk.refused("evaluate run --per-picture x.csv", 2);
    assert!(error.contains("--per-row"), "{error}");
}
