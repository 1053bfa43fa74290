//! What a user should know of data that are perhaps not what they seem.

use super::Dataset;

/// Names of columns that hold labels far more often than features.
const LABELS: [&str; 22] = [
    "label",
    "labels",
    "y",
    "class",
    "classes",
    "target",
    "targets",
    "anomaly",
    "anomalies",
    "is_anomaly",
    "anomalous",
    "is_anomalous",
    "outlier",
    "outliers",
    "is_outlier",
    "inlier",
    "is_inlier",
    "ground_truth",
    "fraud",
    "is_fraud",
    "attack",
    "is_attack",
];

/// A remark on the first of the columns learnt from that is named as labels are. Beside `x`, `y` is a coordinate.
pub fn label_note(names: &[String]) -> Option<String> {
    let lower: Vec<String> = names.iter().map(|name| name.trim().to_lowercase().replace([' ', '-'], "_")).collect();
    let has_x = lower.iter().any(|name| name == "x");
    let is_label = |name: &String| LABELS.contains(&name.as_str()) && !(has_x && name == "y");
    let name = &names[lower.iter().position(is_label)?];
    Some(format!(
        "the column `{name}` is learnt from like any other; if it holds labels, name it with `data.label_column`"
    ))
}

/// A remark on a table that is as wide as the usual images, and holds values as bytes do.
pub(super) fn pixel_note(data: &Dataset) -> Option<String> {
    let (low, high) = data.range();
    let is_like = data.n_features() == 784 && low >= 0.0 && high > 1.0 && high <= 255.0;
    is_like.then(|| {
        format!(
            "{}: 784 columns of values up to {high} are taken as a table of numbers, not as images; save them as uint8 \
             of the shape (rows, 28, 28), or divide them by 255, to have images in [0, 1]",
            data.name()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_named_as_labels_are_told() {
        let told = |names: &str| label_note(&names.split(',').map(str::to_owned).collect::<Vec<_>>()).is_some();
        for names in ["a,Label", "a,is anomaly", "y,a", "Class"] {
            assert!(told(names), "{names}");
        }
        for names in ["x,y", "a,b", "labelled", ""] {
            assert!(!told(names), "{names}");
        }
    }
}
