//! Data sets one after the other.

use std::sync::Arc;

use contractive_table::{Column, TableError};

use super::{Dataset, Storage};

impl Dataset {
    /// The rows of `parts`, which have the same features, one after the other. Name, notes and what is known of the columns
    /// are those of the first; labels and columns that go along stay where all parts have them.
    ///
    /// # Errors
    ///
    /// [`TableError::Shape`] for another number of features, or too many rows; [`TableError::Empty`] without parts.
    pub fn joined(parts: Vec<Dataset>) -> Result<Dataset, TableError> {
        // Patches are taken once the pictures are together.
        let parts: Vec<Dataset> = parts.into_iter().map(Dataset::into_pictures).collect();
        let Some(first) = parts.first() else { return Err(TableError::Empty { what: "a table of no parts".into() }) };
        let mut whole = Dataset { storage: Arc::new(Storage::U8(Vec::new())), sha256: None, ..first.clone() };
        let form_of = |data: &Dataset| (data.n_features, data.picture_shape);
        let is_alike = |part: &Dataset| form_of(part) == form_of(&whole);
        if let Some(i) = parts.iter().position(|part| !is_alike(part)) {
            return Err(TableError::Shape {
                what: format!("the features of file {i} (from 0) of {}", whole.name),
                expected: form(&whole),
                got: form(&parts[i]),
            });
        }
        whole.n_rows = parts.iter().map(|part| part.n_rows).sum();
        if u32::try_from(whole.n_rows).is_err() {
            return Err(TableError::Shape {
                what: format!("the number of rows of {}", whole.name),
                expected: format!("at most {}", u32::MAX),
                got: whole.n_rows.to_string(),
            });
        }
        let labels: Option<Vec<&[i64]>> = parts.iter().map(Dataset::labels).collect();
        whole.labels = labels.map(|labels| labels.concat());
        let carried = |first: Vec<Column>, part: &Dataset| carried_by_both(first, &part.carried);
        whole.carried = Arc::new(parts[1..].iter().fold(parts[0].carried.to_vec(), carried));
        let n_values = whole.n_rows * whole.n_features;
        whole.storage = Arc::new(together(parts.into_iter().map(|part| part.storage).collect(), n_values));
        Ok(whole)
    }
}

fn form(data: &Dataset) -> String {
    match data.picture_shape {
        Some(shape) => format!("images of {shape}"),
        None => data.n_features.to_string(),
    }
}

/// Values one after the other, in as few bits as hold all of them. Parts are let go as they are taken over.
fn together(parts: Vec<Arc<Storage>>, n_values: usize) -> Storage {
    if parts.iter().all(|part| matches!(**part, Storage::U8(_))) {
        let mut all = Vec::with_capacity(n_values);
        for part in parts {
            if let Storage::U8(pixels) = &*part {
                all.extend_from_slice(pixels);
            }
        }
        return Storage::U8(all);
    }
    let scaled = |pixel: &u8| f32::from(*pixel) / 255.0;
    if parts.iter().any(|part| matches!(**part, Storage::F64(_))) {
        let mut all = Vec::with_capacity(n_values);
        for part in parts {
            match &*part {
                Storage::U8(pixels) => all.extend(pixels.iter().map(|pixel| f64::from(scaled(pixel)))),
                Storage::F32(values) => all.extend(values.iter().map(|value| f64::from(*value))),
                Storage::F64(values) => all.extend_from_slice(values),
            }
        }
        return Storage::F64(all);
    }
    let mut all = Vec::with_capacity(n_values);
    for part in parts {
        match &*part {
            Storage::U8(pixels) => all.extend(pixels.iter().map(scaled)),
            Storage::F32(values) => all.extend_from_slice(values),
            Storage::F64(values) => all.extend(values.iter().map(|value| *value as f32)),
        }
    }
    Storage::F32(all.into())
}

/// The columns of `first` that `second` has too, with its cells after theirs.
fn carried_by_both(first: Vec<Column>, second: &[Column]) -> Vec<Column> {
    let both = |mut column: Column| {
        let more = second.iter().find(|more| more.name == column.name && more.values.kind() == column.values.kind())?;
        column.values.append(more.values.clone());
        Some(column)
    };
    first.into_iter().filter_map(both).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_follow_each_other_in_as_few_bits_as_hold_them() {
        let part = |values: &[f64]| Dataset::from_f64("part", 2, values.to_vec()).unwrap();
        let whole = Dataset::joined(vec![part(&[1.0, 2.0]), part(&[0.5, 4.0, 5.0, 6.0])]).unwrap();
        assert_eq!(whole.storage(), &Storage::F32(vec![1.0, 2.0, 0.5, 4.0, 5.0, 6.0].into()));
        let whole = Dataset::joined(vec![part(&[1.0, 2.0]), part(&[0.1, 4.0])]).unwrap();
        assert_eq!((whole.len(), whole.storage()), (2, &Storage::F64(vec![1.0, 2.0, 0.1, 4.0])));
        let images = |pixels: &[u8]| Dataset::from_u8_images("i", 1, 2, pixels.to_vec()).unwrap();
        let whole = Dataset::joined(vec![images(&[7, 8]), images(&[9, 10])]).unwrap();
        assert_eq!((whole.len(), whole.storage()), (2, &Storage::U8(vec![7, 8, 9, 10])));
    }

    #[test]
    fn labels_stay_where_all_parts_have_them_and_other_features_are_refused() {
        let part = |values: &[f32]| Dataset::from_f32("part", 1, values.to_vec()).unwrap();
        let labelled = |label| part(&[1.0]).with_labels(vec![label]).unwrap();
        assert_eq!(Dataset::joined(vec![labelled(3), labelled(4)]).unwrap().labels(), Some(&[3, 4][..]));
        assert_eq!(Dataset::joined(vec![labelled(3), part(&[1.0])]).unwrap().labels(), None);
        let wider = Dataset::from_f32("part", 2, vec![1.0, 2.0]).unwrap();
        let error = Dataset::joined(vec![part(&[1.0]), wider]).unwrap_err();
        assert!(error.to_string().contains("file 1"), "{error}");
    }
}
