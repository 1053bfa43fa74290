//! `cae inspect --tangents`: the leading right singular vectors of J at some rows.

use contractive::Model;
use contractive_core::jacobian::explicit;
use contractive_core::matrix::MatRef;
use contractive_table::array::{ArrayValues, read};

use crate::support::{Desk, idx, names_in};

/// The shape and the values of an array of an archive.
fn array(desk: &Desk, name: &str) -> (Vec<usize>, Vec<f64>) {
    let array = read(desk.path("t.npz"), Some(name)).unwrap().rows;
    let shape = array.shape().to_vec();
    let values = match array.into_values() {
        ArrayValues::F32(values) => values.into_iter().map(f64::from).collect(),
        ArrayValues::F64(values) => values,
        other => panic!("{other:?}"),
    };
    (shape, values)
}

#[test]
fn tangents_are_those_of_the_jacobian_in_both_units() {
    let desk = Desk::new();
    desk.table("table.csv", 60, 6);
    desk.cae("train --data table.csv --hidden 5,3 --epochs 3 --out run --quiet --no-report").assert().success();
    let words = "inspect run --data table.csv --tangents t.npz --tangents t.png --at 5,0,59 --singular-values 2";
    let output = desk.cae(words).assert().success().get_output().clone();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("wrote 2 tangents at each of 3 rows to t.npz"), "{said}");
    assert!(desk.read("t.png").starts_with(b"\x89PNG"));
    assert_eq!(array(&desk, "rows"), (vec![3], vec![5.0, 0.0, 59.0]));
    let (shape, values) = array(&desk, "singular_values");
    assert_eq!(shape, [3, 2]);
    let (shape, scaled) = array(&desk, "tangents");
    assert_eq!(shape, [3, 2, 6]);
    let (_, of_data) = array(&desk, "tangents_in_units");

    let model = Model::load(desk.path("run")).unwrap();
    let text = desk.text("table.csv");
    let row: Vec<f64> = text.lines().nth(6).unwrap().split(',').map(|cell| cell.parse().unwrap()).collect();
    let x = model.preprocessing().scaled_rows(&row);
    let jacobian = explicit(model.parameters(), MatRef::new(&x, 1, 6));
    for (v, s) in scaled[..12].chunks_exact(6).zip(&values) {
        let along = jacobian.chunks_exact(6).map(|j| j.iter().zip(v).map(|(j, v)| f64::from(*j) * v).sum::<f64>());
        let length = along.map(|a| a * a).sum::<f64>().sqrt();
        assert!((length - s).abs() < 1e-5 * s, "‖Jv‖ is {length}, s is {s}");
        assert!((v.iter().map(|v| v * v).sum::<f64>() - 1.0).abs() < 1e-6);
    }
    // A step along the scaled tangent is one along the other in the table's own units.
    let step = 1e-2;
    let moved: Vec<f64> = row.iter().zip(&of_data).map(|(x, v)| x + step * v).collect();
    for ((moved, x), v) in model.preprocessing().scaled_rows(&moved).iter().zip(&x).zip(&scaled) {
        assert!((f64::from(moved - x) - step * v).abs() < 1e-5, "{moved} {x} {v}");
    }
}

#[test]
fn images_get_a_sheet_and_faults_are_named_before_anything_is_written() {
    let desk = Desk::new();
    desk.write("images-idx3-ubyte", idx(0x803, 80));
    let train = "train --data images-idx3-ubyte --hidden 12 --loss bce --epochs 3 --out run --quiet --no-report";
    desk.cae(train).assert().success();
    desk.cae("inspect run --data images-idx3-ubyte --tangents t.png --tangents t.npz").assert().success();
    assert!(desk.read("t.png").starts_with(b"\x89PNG"));
    let (shape, scaled) = array(&desk, "tangents");
    assert_eq!(shape, [8, 8, 16]);
    // Bytes: one step of the scaled values is 255 of the file's.
    let (_, of_data) = array(&desk, "tangents_in_units");
    assert!(scaled.iter().zip(&of_data).all(|(a, b)| (255.0 * a - b).abs() < 1e-3));
    let before = names_in(&desk.path(""));
    for (words, text) in [
        ("--data images-idx3-ubyte --tangents x.csv", "a name that ends in .npz or .png"),
        ("--data images-idx3-ubyte --tangents x.npz --at 80", "--at 80: images-idx3-ubyte has the rows 0 to 79"),
        ("--data images-idx3-ubyte --at 3", "--tangents"),
        ("--data t.npz --array tangents --tangents t.npz", "give --tangents another name"),
        ("--data images-idx3-ubyte --tangents absent/x.npz", "absent"),
    ] {
        let code = if text == "absent" { 1 } else { 2 };
        let error = desk.refused(&format!("inspect run {words}"), code);
        assert!(error.contains(text), "{words}: {error}");
    }
    assert_eq!(names_in(&desk.path("")), before);
}
