//! `cae bench`: its numbers are there and fit together; how large they are is not tested.

use crate::support::Desk;

#[test]
fn a_shape_is_measured_in_both_formats() {
    let desk = Desk::new();
    let text = desk.stdout("bench --sizes 12,6,3 --activation tanh --batch 4 --threads 1 --seconds 0");
    for part in
        ["12-6-3-6-12, tanh, batches of 4, 1 thread\n", "plain step", "exact penalty", "GFLOP/s in a matrix product"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    let json = desk.stdout("bench --sizes 12,6,3 --batch 4 --threads 2 --seconds 0 --json");
    let record: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(record["sizes"], serde_json::json!([12, 6, 3, 6, 12]));
    assert_eq!((&record["batch"], &record["threads"]), (&4.into(), &2.into()));
    for number in ["/plain/steps_per_second", "/exact/steps_per_second", "/rows_per_second", "/product_rate"] {
        assert!(record.pointer(number).unwrap().as_f64().unwrap() > 0.0, "{number} in {json}");
    }
}

#[test]
fn a_workload_of_the_page_is_compared_with_what_was_measured_there() {
    let desk = Desk::new();
    let words = "bench --workload i --threads 1 --seconds 0";
    let record: serde_json::Value = serde_json::from_str(&desk.stdout(&format!("{words} --json"))).unwrap();
    assert_eq!(record["sizes"], serde_json::json!([10, 20, 5, 20, 10]));
    let text = desk.stdout(words);
    // Which instructions this machine has decides whether anything was measured with them.
    match record["expected"]["ratio_to_fastest_peer"].as_f64() {
        Some(ratio) => {
            assert_eq!(record["expected"]["instructions"], record["instructions"]);
            assert!(ratio > 0.0 && text.contains("Beside PyTorch, JAX and TensorFlow"), "{text}");
        }
        None => assert!(!text.contains("Beside PyTorch"), "{text}"),
    }
    let other = desk.stdout("bench --sizes 12,6,3 --batch 4 --threads 1 --seconds 0");
    assert!(!other.contains("Beside PyTorch"), "{other}");
}

#[test]
fn what_cannot_be_measured_is_said() {
    let desk = Desk::new();
    for (words, says) in [
        ("bench --sizes 784", "at least one layer"),
        ("bench --sizes 12,0", "at least 1"),
        ("bench --recipe fashion", "fashion-64-32-16"),
        ("bench --workload z", "a, b, c, d, e, i"),
        ("bench --seconds=-1", "at least 0"),
        ("bench --recipe strokes --sizes 4,2", "cannot be used with"),
    ] {
        let said = desk.refused(words, 2);
        assert!(said.contains(says), "{words}: {said}");
    }
}
