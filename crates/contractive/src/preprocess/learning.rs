//! What a scaling is made of, learnt from the training rows.

use contractive_core::communicator::CommunicationError;
use contractive_core::statistics::{Moments, Statistics, quantile_of_sorted, quartiles_differ};

use super::counts::Seen;
use super::sample::Sample;
use super::scale::Scale;
use crate::data::Dataset;

/// What `scale` is made of: means and standard deviations, or medians and spreads in their place. All finite.
pub(super) fn statistics(scale: Scale, data: Seen<'_>, of: &Sample<'_>) -> Result<Statistics, CommunicationError> {
    let d = data.n_features();
    if of.total == 0 {
        return Ok(Moments::new(d).finish());
    }
    let mut state = [vec![f64::INFINITY; d], vec![f64::NEG_INFINITY; d], vec![0.0; d]].concat();
    of.group.in_turn(&mut state, |state| {
        let (lowest, rest) = state.split_at_mut(d);
        let (highest, sums) = rest.split_at_mut(d);
        data.for_each_row(of.rows, |row| {
            for (j, &x) in row.iter().enumerate() {
                lowest[j] = lowest[j].min(x);
                highest[j] = highest[j].max(x);
                sums[j] += x;
            }
        });
    })?;
    let n = of.total as f64;
    let (lowest, highest, sums) = (&state[..d], &state[d..2 * d], &state[2 * d..]);
    // Between the extremes, whatever the sum's rounding or overflow: a constant column has exactly its value.
    let mean = (0..d).map(|j| (sums[j] / n).clamp(lowest[j], highest[j])).collect();
    let (lowest, highest) = (lowest.to_vec(), highest.to_vec());
    let mut known = Statistics { lowest, highest, mean, deviation: vec![0.0; d] };
    if matches!(scale, Scale::Standard | Scale::Robust) {
        learn_deviations(data, of, &mut known)?;
    }
    if scale == Scale::Robust {
        let mut j = 0;
        for_each_sorted_column(data, of, |column| {
            let at = |p| quantile_of_sorted(column, p);
            known.mean[j] = at(0.5);
            // Where the quartiles are equal the standard deviation stays.
            if quartiles_differ(at(0.25), at(0.75)) {
                known.deviation[j] = ((at(0.75) - at(0.25)) / 1.349).min(f64::MAX);
            }
            j += 1;
        })?;
    }
    Ok(known)
}

/// Leaves the features that are levels their width, and takes their shares of the rows for their middles.
pub(super) fn keep_levels(
    levels: &[bool],
    data: &Dataset,
    of: &Sample<'_>,
    known: &mut Statistics,
) -> Result<(), CommunicationError> {
    let (mut shares, n) = (vec![0.0; levels.len()], of.total as f64);
    of.group.in_turn(&mut shares, |shares| {
        data.for_each_row(of.rows, |row| shares.iter_mut().zip(row).for_each(|(share, x)| *share += x / n));
    })?;
    for j in (0..levels.len()).filter(|j| levels[*j]) {
        (known.mean[j], known.deviation[j]) = (shares[j], 1.0);
    }
    Ok(())
}

/// Fills in the deviations from the means, and mends means that rounding of their sums put far off.
fn learn_deviations(data: Seen<'_>, of: &Sample<'_>, known: &mut Statistics) -> Result<(), CommunicationError> {
    let Statistics { lowest, highest, mean, deviation } = known;
    let d = mean.len();
    // Huge values are shrunk by a power of two, so that their squares stay finite. For all others nothing changes.
    let shrink: Vec<f64> = lowest
        .iter()
        .zip(&*highest)
        .map(|(low, high)| if low.abs().max(high.abs()) > 1e150 { 2_f64.powi(-600) } else { 1.0 })
        .collect();
    let mut state = vec![0.0; 2 * d];
    of.group.in_turn(&mut state, |state| {
        let (squares, rest) = state.split_at_mut(d);
        data.for_each_row(of.rows, |row| {
            for (j, &x) in row.iter().enumerate() {
                let away = x * shrink[j] - mean[j] * shrink[j];
                squares[j] += away.powi(2);
                rest[j] += away;
            }
        });
    })?;
    let (squares, rest) = state.split_at(d);
    let n = of.total as f64;
    for j in 0..d {
        let (mut variance, off) = (squares[j] / n, rest[j] / n);
        // Numbers that are large beside their spread: their sum loses more digits than the spread has.
        if off.abs() > 1e-6 * variance.sqrt() {
            variance = (variance - off * off).max(0.0);
            mean[j] = (mean[j] + off / shrink[j]).clamp(lowest[j], highest[j]);
        }
        deviation[j] = (variance.sqrt() / shrink[j]).min(f64::MAX);
    }
    Ok(())
}

/// Each column of all rows in turn, ascending.
pub(super) fn for_each_sorted_column(
    data: Seen<'_>,
    of: &Sample<'_>,
    mut visit: impl FnMut(&[f64]),
) -> Result<(), CommunicationError> {
    let d = data.n_features();
    let mut own = Vec::with_capacity(of.rows.len() * d);
    data.for_each_row(of.rows, |row| own.extend_from_slice(row));
    for j in 0..d {
        let mut column = of.group.gather(own.iter().skip(j).step_by(d).copied().collect())?;
        column.sort_unstable_by(f64::total_cmp);
        visit(&column);
    }
    Ok(())
}
