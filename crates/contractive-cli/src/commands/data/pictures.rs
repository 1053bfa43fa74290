//! `cae data info` of pictures: how many, of what sizes, in which folders, by their headers alone.

use std::collections::BTreeMap;
use std::path::Path;

use contractive_pictures::{Fit, PictureOptions, PictureSource};
use serde_json::{Value, json};

use crate::numbers::grouped;
use crate::table::pairs;

/// Sizes, folders and broken pictures that are named.
const NAMED: usize = 8;

/// What is told of pictures.
pub(super) struct PicturesInfo {
    name: String,
    pictures: usize,
    channels: usize,
    /// Pictures of each (width, height).
    sizes: BTreeMap<(usize, usize), usize>,
    /// Pictures of each folder, where they lie in folders.
    folders: Vec<(String, usize)>,
    /// Names of those whose header cannot be read, each with what is wrong.
    broken: Vec<(String, String)>,
    sha256: String,
}

impl PicturesInfo {
    pub(super) fn of(path: &Path) -> anyhow::Result<Self> {
        let options = PictureOptions { fit: Fit::Keep, skip_broken: true, ..PictureOptions::default() };
        let source = PictureSource::open(path, &options)?;
        let (mut sizes, mut broken) = (BTreeMap::new(), Vec::new());
        for i in 0..source.len() {
            match source.own_size(i) {
                Ok(size) => *sizes.entry(size).or_insert(0) += 1,
                Err(error) => broken.push((source.name(i).into_owned(), error.to_string())),
            }
        }
        let (labels, names) = source.labels().unwrap_or_default();
        let mut counts = vec![0; names.len()];
        labels.iter().for_each(|label| counts[*label as usize] += 1);
        let folders = names.into_iter().zip(counts).collect();
        let name = source.file_name();
        let (channels, sha256, pictures) = (source.channels(), source.fingerprint(), source.len());
        Ok(PicturesInfo { name, pictures, channels, sizes, folders, broken, sha256 })
    }

    pub(super) fn json(&self) -> Value {
        let sizes =
            self.sizes.iter().map(|((width, height), n)| json!({"width": width, "height": height, "pictures": n}));
        let folders = self.folders.iter().map(|(name, n)| json!({"name": name, "pictures": n}));
        let broken = self.broken.iter().map(|(name, reason)| json!({"name": name, "reason": reason}));
        json!({
            "name": self.name, "pictures": self.pictures, "channels": self.channels, "sha256": self.sha256,
            "sizes": sizes.collect::<Vec<Value>>(), "folders": folders.collect::<Vec<Value>>(),
            "broken": broken.collect::<Vec<Value>>(),
        })
    }

    pub(super) fn in_words(&self) -> String {
        let some = |all: Vec<String>| match all.len() {
            n if n > NAMED => format!("{}, and {} more", all[..NAMED].join(", "), n - NAMED),
            _ => all.join(", "),
        };
        let colour = if self.channels == 1 { "grey" } else { "in colour" };
        let size = |((width, height), n): (&(usize, usize), &usize)| format!("{} of {width} x {height}", grouped(*n));
        let mut lines = vec![
            ("data", self.name.clone()),
            ("pictures", format!("{}, {colour}", grouped(self.pictures))),
            ("sizes", some(self.sizes.iter().map(size).collect())),
        ];
        if !self.folders.is_empty() {
            let folders = self.folders.iter().map(|(name, n)| format!("{name} ({})", grouped(*n))).collect();
            lines.push(("labels", some(folders)));
        }
        if !self.broken.is_empty() {
            let named = self.broken.iter().map(|(_, reason)| reason.clone()).collect();
            lines.push(("broken", format!("{}: {}", grouped(self.broken.len()), some(named))));
        }
        lines.push(("sha256", format!("{}, of names and sizes", self.sha256)));
        pairs(&lines)
    }
}
