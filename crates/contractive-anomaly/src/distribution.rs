//! Scores of what is ordinary, ascending, and where another score lies among them.

use contractive_core::statistics::quantile_of_sorted;

/// The scores, ascending; of more than `most` as many evenly spaced quantiles, the least and the greatest among them.
pub(crate) fn sketch(mut scores: Vec<f64>, most: usize) -> Vec<f64> {
    scores.sort_unstable_by(f64::total_cmp);
    if scores.len() <= most {
        return scores;
    }
    (0..most).map(|i| quantile_of_sorted(&scores, i as f64 / (most - 1) as f64)).collect()
}

/// The share of `sorted` scores below `score`, ties counted half and one score added on either side, so that no finite
/// number of them makes it 0 or 1.
pub(crate) fn share_below(sorted: &[f64], score: f64) -> f64 {
    let below = sorted.partition_point(|s| *s < score);
    let up_to = sorted.partition_point(|s| *s <= score);
    (0.5 * (below + up_to) as f64 + 0.5) / (sorted.len() + 1) as f64
}

/// The share of `sorted` scores, at least one, above `threshold`.
pub(crate) fn share_above(sorted: &[f64], threshold: f64) -> f64 {
    (sorted.len() - sorted.partition_point(|s| *s <= threshold)) as f64 / sorted.len() as f64
}

/// Whether stored numbers can be such scores: at least one, ascending, finite.
pub(crate) fn is_distribution(stored: &[f64]) -> bool {
    !stored.is_empty() && stored.is_sorted() && stored.iter().all(|s| s.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_lies_among_others_where_ties_count_half() {
        let sorted = sketch(vec![3.0, 1.0, 2.0, 2.0], 8);
        assert_eq!(sorted, [1.0, 2.0, 2.0, 3.0]);
        assert_eq!([0.0, 2.0, 9.0].map(|score| share_below(&sorted, score)), [0.1, 0.5, 0.9]);
        assert_eq!([0.0, 2.0, 3.0].map(|score| share_above(&sorted, score)), [1.0, 0.25, 0.0]);
    }

    #[test]
    fn many_scores_are_kept_as_quantiles_with_both_ends() {
        let kept = sketch((0..101).rev().map(f64::from).collect(), 5);
        assert_eq!(kept, [0.0, 25.0, 50.0, 75.0, 100.0]);
        assert!(is_distribution(&kept));
        assert!(![&[][..], &[2.0, 1.0], &[f64::NAN]].iter().any(|stored| is_distribution(stored)));
    }
}
