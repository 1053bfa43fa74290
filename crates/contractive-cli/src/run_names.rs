//! What runs are called that were given no name.

use std::path::Path;

/// The name of a run on these data: a file's name up to its first dot, or the registered name.
pub(crate) fn of_data(spec: &str) -> String {
    let file = Path::new(spec).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    file.split('.').find(|part| !part.is_empty()).unwrap_or("run").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_give_their_name() {
        assert_eq!([of_data("/data/my.table.csv"), of_data("mnist:test"), of_data("..")], ["my", "mnist:test", "run"]);
    }
}
