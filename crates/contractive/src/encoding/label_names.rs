//! Columns that are named as labels are.

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

/// The first of the columns that is named as labels are. Beside `x`, `y` is a coordinate.
pub(super) fn label_name(names: &[String]) -> Option<&String> {
    let lower: Vec<String> = names.iter().map(|name| name.trim().to_lowercase().replace([' ', '-'], "_")).collect();
    let has_x = lower.iter().any(|name| name == "x");
    let is_label = |name: &String| LABELS.contains(&name.as_str()) && !(has_x && name == "y");
    names.get(lower.iter().position(is_label)?)
}

/// A remark on the first of the columns learnt from that is named as labels are.
pub fn label_note(names: &[String]) -> Option<String> {
    let name = label_name(names)?;
    Some(format!(
        "the column `{name}` is learnt from like any other; if it holds labels, name it with `data.label_column`"
    ))
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
