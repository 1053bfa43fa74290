//! The folder of heat maps: a map and an outlined picture for each, under the picture's own name, and a page of the worst.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use contractive_anomaly::images::ScoredPicture;
use contractive_report::{heat_map_png, outlined_png};
use contractive_table::OutputError;

use crate::errors::Usage;
use crate::inputs::{is_same, is_within};
use crate::output::{check_folder, write_file};

/// The page in the folder.
const PAGE: &str = "index.html";

/// Where heat maps go.
pub(super) struct HeatMaps {
    folder: PathBuf,
    level: f64,
    /// Names given, in small letters: some systems take `A.png` for `a.png`.
    taken: HashSet<String>,
}

impl HeatMaps {
    /// In `folder`, which must not be where the pictures or the detector lie, nor around them. Pixels above `level` are
    /// outlined.
    pub(super) fn new(folder: &Path, inputs: [&Path; 2], level: f64) -> anyhow::Result<Self> {
        for input in inputs {
            let clashes = is_same(folder, input) || is_within(folder, input) || is_within(input, folder);
            if clashes || lies_in(folder, input) {
                let text = format!(
                    "--heatmaps {} and {} lie one within the other, and maps could take the place of what is read; give \
                     --heatmaps a folder of its own",
                    folder.display(),
                    input.display()
                );
                return Err(Usage(text).into());
            }
        }
        let failed = |source| OutputError::Write { path: folder.to_path_buf(), source };
        if folder.exists() && !folder.is_dir() {
            let text = format!("--heatmaps takes a folder, and {} is a file", folder.display());
            return Err(Usage(text).into());
        }
        check_folder(folder).map_err(failed)?;
        Ok(HeatMaps { folder: folder.to_path_buf(), level, taken: HashSet::new() })
    }

    /// Writes the map of a picture and the picture outlined; where they went, relative to the folder.
    pub(super) fn write(&mut self, name: &str, scored: &ScoredPicture) -> anyhow::Result<()> {
        let stem = self.place(name);
        let path = |end: &str| self.folder.join(format!("{stem}{end}.png"));
        let (map, outlined) = (path(""), path("-outlined"));
        if let Some(folder) = map.parent() {
            let failed = |source| OutputError::Write { path: folder.to_path_buf(), source };
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let drawn = heat_map_png(&scored.map, self.level).with_context(|| format!("cannot draw the map of {name}"))?;
        write_file(&map, &drawn)?;
        let drawn = outlined_png(scored, self.level).with_context(|| format!("cannot draw {name}"))?;
        Ok(write_file(&outlined, &drawn)?)
    }

    /// Writes the page.
    pub(super) fn write_page(&self, page: &str) -> anyhow::Result<()> {
        let failed = |source| OutputError::Write { path: self.folder.clone(), source };
        fs::create_dir_all(&self.folder).map_err(failed)?;
        Ok(write_file(&self.folder.join(PAGE), page.as_bytes())?)
    }

    /// The name of a picture's files, without ending: its own, below the folder whatever it holds, and no other's.
    fn place(&mut self, name: &str) -> String {
        let whole = sanitised(name);
        let stem = match whole.rsplit_once('.') {
            Some((stem, end)) if !stem.ends_with(['/', '.']) && !stem.is_empty() && !end.contains('/') => {
                stem.to_owned()
            }
            _ => whole.clone(),
        };
        let numbered = (2..).map(|i| format!("{whole}-{i}"));
        let all = [stem, whole.clone()].into_iter().chain(numbered);
        let is_free = |name: &String| {
            let name = name.to_lowercase();
            !self.taken.contains(&name) && !self.taken.contains(&format!("{name}-outlined"))
        };
        let found = all.into_iter().find(is_free).unwrap_or(whole);
        self.taken.insert(found.to_lowercase());
        self.taken.insert(format!("{}-outlined", found.to_lowercase()));
        found
    }
}

/// Whether `folder`, which may not be there yet, would lie in `input`.
fn lies_in(folder: &Path, input: &Path) -> bool {
    let nearest = folder.ancestors().find(|ancestor| ancestor.exists() && !ancestor.as_os_str().is_empty());
    nearest.is_some_and(|nearest| is_within(nearest, input))
}

/// A name whose parts any system takes, and none of which leads elsewhere.
fn sanitised(name: &str) -> String {
    let clean = |c: char| if c.is_control() || "<>:\"\\|?*".contains(c) { '_' } else { c };
    let part =
        |part: &str| -> String { part.chars().map(clean).take(180).collect::<String>().trim_matches(' ').into() };
    let parts: Vec<String> = name.split('/').filter(|part| !["", ".", ".."].contains(part)).map(part).collect();
    let parts: Vec<String> = parts.into_iter().map(|part| if part.is_empty() { "_".into() } else { part }).collect();
    if parts.is_empty() { "picture".to_owned() } else { parts.join("/") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maps() -> HeatMaps {
        HeatMaps { folder: PathBuf::from("out"), level: 1.0, taken: HashSet::new() }
    }

    #[test]
    fn names_stay_below_the_folder() {
        let names =
            ["../../etc/x.png", "/abs/y.png", "a\\..\\b:c.png", "", "...", ".hidden", "ä/ö.jpg", "a\nb.png", "n."];
        let found: Vec<String> = names.iter().map(|name| maps().place(name)).collect();
        let expected = ["etc/x", "abs/y", "a_.._b_c", "picture", "...", ".hidden", "ä/ö", "a_b", "n"];
        assert_eq!(found, expected);
        assert!(found.iter().all(|name| !Path::new(name).is_absolute() && !name.split('/').any(|part| part == "..")));
    }

    #[test]
    fn no_two_pictures_have_one_map() {
        let mut maps = maps();
        let names = ["a.png", "a.jpg", "A.bmp", "a-outlined.png", "b/a.png", "a.jpg"];
        let found: Vec<String> = names.iter().map(|name| maps.place(name)).collect();
        assert_eq!(found, ["a", "a.jpg", "A.bmp", "a-outlined.png", "b/a", "a.jpg-2"]);
    }
}
