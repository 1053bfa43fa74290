//! Setting rows aside for validation.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Parts the rows 0..n at random into (training, validation), each ascending; together they are all rows, once.
///
/// Validation gets the nearest whole number to `fraction` · n; a positive fraction of at least two rows leaves at
/// least one row on each side. The same seed gives the same rows on every platform (ChaCha8, integer arithmetic).
///
/// # Panics
///
/// If `fraction` is not in [0, 1), or n is more than `u32` counts. Check a user's fraction first.
pub fn split_validation(n_rows: usize, fraction: f64, seed: u64) -> (Vec<u32>, Vec<u32>) {
    assert!((0.0..1.0).contains(&fraction), "the validation fraction must be in [0, 1), got {fraction}");
    let n = u32::try_from(n_rows).expect("rows are counted by u32");
    let mut n_validation = (f64::from(n) * fraction + 0.5) as u32;
    if fraction > 0.0 && n >= 2 {
        n_validation = n_validation.clamp(1, n - 1);
    }

    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..24].copy_from_slice(b"validation split");
    let mut rng = ChaCha8Rng::from_seed(key);

    // Selection sampling: row i is chosen with probability (still wanted)/(still to come), which is exact and ascending.
    let mut training = Vec::with_capacity((n - n_validation) as usize);
    let mut validation = Vec::with_capacity(n_validation as usize);
    for row in 0..n {
        let (wanted, to_come) = (n_validation - validation.len() as u32, n - row);
        let draw = ((u128::from(rng.next_u64()) * u128::from(to_come)) >> 64) as u32;
        if draw < wanted { validation.push(row) } else { training.push(row) }
    }
    (training, validation)
}

/// As [`split_validation`], of rows of which `together` in a row belong together, such as the patches of a picture: they come
/// to the same side. `fraction` is of these groups.
///
/// # Panics
///
/// As [`split_validation`], or if the last rows make no whole group.
pub fn split_together(n_rows: usize, together: usize, fraction: f64, seed: u64) -> (Vec<u32>, Vec<u32>) {
    if together == 1 {
        return split_validation(n_rows, fraction, seed);
    }
    assert!(n_rows.is_multiple_of(together), "{n_rows} rows must be groups of {together}");
    let (training, validation) = split_validation(n_rows / together, fraction, seed);
    let rows = |groups: Vec<u32>| {
        groups.into_iter().flat_map(|group| (0..together as u32).map(move |i| group * together as u32 + i)).collect()
    };
    (rows(training), rows(validation))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_rows_of_a_seed_are_pinned() {
        let (_, validation) = split_validation(20, 0.25, 7);
        assert_eq!(validation, [0, 2, 3, 7, 18]);
        assert_ne!(split_validation(20, 0.25, 8).1, validation);
    }

    #[test]
    fn every_row_is_chosen_about_equally_often() {
        let mut counts = [0; 10];
        for seed in 0..2000 {
            split_validation(10, 0.3, seed).1.iter().for_each(|&row| counts[row as usize] += 1);
        }
        // 600 expected, deviation 20
        assert!(counts.iter().all(|count| (500..700).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_zero_fraction_sets_nothing_aside_and_a_small_one_a_row() {
        assert_eq!(split_validation(5, 0.0, 1), (vec![0, 1, 2, 3, 4], vec![]));
        assert_eq!(split_validation(5, 1e-9, 1).1.len(), 1);
        assert_eq!(split_validation(5, 0.999, 1).0.len(), 1);
        assert_eq!(split_validation(0, 0.5, 1), (vec![], vec![]));
    }

    #[test]
    fn rows_that_belong_together_come_to_one_side() {
        let (training, validation) = split_together(20 * 3, 3, 0.25, 7);
        let of = |groups: &[u32]| groups.iter().flat_map(|g| [3 * g, 3 * g + 1, 3 * g + 2]).collect::<Vec<u32>>();
        assert_eq!(validation, of(&[0, 2, 3, 7, 18]));
        assert_eq!(training.len(), 45);
        assert_eq!(split_together(20, 1, 0.25, 7), split_validation(20, 0.25, 7));
    }

    proptest! {
        #[test]
        fn parts_are_disjoint_covering_and_ascending(n in 0usize..500, fraction in 0.0f64..0.999, seed: u64) {
            let (training, validation) = split_validation(n, fraction, seed);
            prop_assert!(training.is_sorted_by(|a, b| a < b) && validation.is_sorted_by(|a, b| a < b));
            let mut all = [training, validation].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..n as u32).collect::<Vec<_>>());
        }
    }
}
