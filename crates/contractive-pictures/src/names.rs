//! Names of pictures: which files are taken for some, and what their folders say.

use std::collections::BTreeMap;

/// Endings of formats that are read, and of those that are pictures too, so that they are named rather than passed over.
const ENDINGS: [&str; 19] = [
    "png", "jpg", "jpeg", "jpe", "jfif", "webp", "tif", "tiff", "bmp", "dib", "gif", "heic", "heif", "avif", "jp2",
    "jxl", "ppm", "pgm", "apng",
];

/// The longest ending: what follows a point may be a sentence.
const MOST_ENDING: usize = 16;

/// What a file's name ends in, in lower case; nothing where there is no point within the name, or more than an ending behind it.
pub(crate) fn ending(name: &str) -> String {
    let file = name.rsplit('/').next().unwrap_or(name);
    match file.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() && ending.len() <= MOST_ENDING => ending.to_ascii_lowercase(),
        _ => String::new(),
    }
}

/// Whether a file of this name is taken for a picture.
pub(crate) fn is_picture(name: &str) -> bool {
    ENDINGS.contains(&ending(name).as_str())
}

/// Whether a part of a path hides what lies at it: a leading point, and what macOS puts beside files in archives.
pub(crate) fn is_hidden(part: &str) -> bool {
    part.starts_with('.') || part == "__MACOSX"
}

/// The name of an entry of an archive: relative, parts joined by `/`, without `.`; `None` where it is hidden or has no name.
pub(crate) fn of_entry(name: &str) -> Option<String> {
    let parts: Vec<&str> = name.split(['/', '\\']).filter(|part| !part.is_empty() && *part != ".").collect();
    let is_seen = !parts.is_empty() && !parts.iter().any(|part| is_hidden(part) && *part != "..");
    is_seen.then(|| parts.join("/"))
}

/// What an archive's file is called, without its ending.
pub(crate) fn of_archive(path: &std::path::Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let known = [".tar.gz", ".tgz", ".tar", ".zip"];
    let stem = known.iter().find_map(|ending| name.to_ascii_lowercase().strip_suffix(ending).map(str::len));
    stem.map_or(name.clone(), |n| name[..n].to_owned())
}

/// The folder that a picture lies in, `.` at the top.
pub(crate) fn folder(name: &str) -> &str {
    name.rsplit_once('/').map_or(".", |(folder, _)| folder)
}

/// The name without its ending.
pub(crate) fn stem(name: &str) -> &str {
    let start = name.rfind('/').map_or(0, |at| at + 1);
    match name[start..].rfind('.') {
        Some(at) if at > 0 => &name[..start + at],
        _ => name,
    }
}

/// Labels by folders: the number of each picture's class, and the classes' names, sorted by bytes; `None` where all lie at the top.
pub(crate) fn labels<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Option<(Vec<i64>, Vec<String>)> {
    let mut classes: BTreeMap<&str, i64> = names.clone().map(|name| (folder(name), 0)).collect();
    if classes.keys().all(|class| *class == ".") {
        return None;
    }
    classes.values_mut().zip(0..).for_each(|(class, i)| *class = i);
    let labels = names.map(|name| classes[folder(name)]).collect();
    Some((labels, classes.into_keys().map(str::to_owned).collect()))
}

/// How many files have each ending, the most frequent first.
pub(crate) fn counted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<(String, usize)> {
    let mut counts = BTreeMap::<String, usize>::new();
    names.for_each(|name| *counts.entry(ending(name)).or_default() += 1);
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|count| std::cmp::Reverse(count.1));
    counts
}
