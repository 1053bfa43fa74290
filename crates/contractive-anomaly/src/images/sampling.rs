//! Patches to learn from: so many of every picture, drawn by a seed in one pass, within a bound of memory.

use std::sync::atomic::{AtomicBool, Ordering};

use contractive_core::random::{Purpose, Stream};

use super::error::ImageError;
use super::rows::PatchRows;
use super::source::PictureSet;
use crate::detector::DetectorError;

/// Most patches learnt from at a scale.
const MOST_PATCHES: usize = 24_000;
/// Most pictures that they are from, evenly spaced: beyond, more pictures tell no more and take long to decode.
const MOST_PICTURES: usize = 4_000;
/// Most bytes of them, over all scales.
const MOST_BYTES: usize = 48 << 20;
/// The epoch of the streams that draw patches.
const DRAWN: u64 = 11;

/// A patch: the place of its picture in the source, and its own in the picture's grid.
pub(super) type PatchOf = (u32, u32);

/// Patches of a scale, as the networks take them, row-major (n, d), and which they are.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sample {
    pub(super) rows: Vec<f32>,
    pub(super) patches: Vec<PatchOf>,
}

/// How many patches there may be of each of `scales` scales, `d` numbers each.
pub(super) fn most_patches(d: usize, scales: usize) -> usize {
    (MOST_BYTES / (size_of::<f32>() * d * scales)).clamp(1, MOST_PATCHES)
}

/// How many of `most` patches the i-th of n pictures gives: ⌊(i + 1)·most/n⌋ − ⌊i·most/n⌋.
fn share((i, n): (u64, u64), most: usize) -> usize {
    ((i + 1) * most as u64 / n - i * most as u64 / n) as usize
}

/// At most `most` of the places, evenly spaced.
pub(super) fn evenly(order: &[u32], most: usize) -> Vec<u32> {
    let n = order.len();
    (0..n.min(most)).map(|i| order[i * n / n.min(most)]).collect()
}

/// Draws patches of the pictures at the places `order`, evenly over all of them or over as many as are looked at, for each scale
/// of `rows`. Pictures of which none would be drawn are not read. Which are drawn depends on the seed and the number of pictures alone.
pub(super) fn sample(
    source: &dyn PictureSet,
    order: &[u32],
    rows: &[PatchRows],
    seed: u64,
    (threads, stop): (usize, &AtomicBool),
    told: &(dyn Fn(usize) + Sync),
) -> Result<Vec<Sample>, ImageError> {
    let order = evenly(order, MOST_PICTURES);
    let n = order.len() as u64;
    let mut samples = vec![Sample::default(); rows.len()];
    let wanted: Vec<(u32, Vec<usize>)> = order
        .into_iter()
        .zip(0..n)
        .map(|(place, i)| {
            let of = |rows: &PatchRows| share((i, n), most_patches(rows.n_features(), samples.len()));
            (place, rows.iter().map(of).collect::<Vec<usize>>())
        })
        .filter(|(_, shares)| shares.iter().any(|share| *share > 0))
        .collect();
    let mut wishes = wanted.iter();
    let mut buffer = Vec::new();
    let places = wanted.iter().map(|(place, _)| *place).collect();
    for (done, item) in source.stream(places, threads).enumerate() {
        if stop.load(Ordering::Relaxed) {
            return Err(DetectorError::Stopped.into());
        }
        let (place, picture) = item?;
        // A broken picture is missing in the stream.
        let Some((_, shares)) = wishes.by_ref().find(|(wish, _)| *wish == place) else { continue };
        for (s, ((rows, sample), share)) in rows.iter().zip(&mut samples).zip(shares).enumerate() {
            let Some(cut) = rows.cut(&picture, || source.name(place as usize))? else { continue };
            let mut stream = Stream::new(seed, Purpose::Analysis, DRAWN + s as u64, u64::from(place) << 20);
            // Each at most once: a patch held out must not be one learnt from.
            let mut drawn: Vec<u32> = (0..cut.grid.n_patches() as u32).collect();
            stream.shuffle(&mut drawn);
            for i in drawn.into_iter().take(*share) {
                cut.row(i as usize, &mut buffer);
                sample.rows.extend_from_slice(&buffer);
                sample.patches.push((place, i));
            }
        }
        told(done + 1);
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use contractive_core::patches::PictureShape;
    use contractive_pictures::Picture;

    use super::*;
    use crate::images::{ImageSpec, PicturesInMemory};

    /// Pictures of which no two pixels of one row of a column are alike.
    fn pictures(n: usize, side: usize) -> PicturesInMemory {
        let shape = PictureShape { height: side, width: side, channels: 1 };
        let pixel = |i: usize, p: usize| ((i * 31 + i / side * 17 + p * 101) % 251) as u8;
        let picture = |p| Picture { shape, pixels: (0..shape.n_pixels()).map(|i| pixel(i, p)).collect() };
        PicturesInMemory { what: "some".into(), pictures: (0..n).map(picture).collect() }
    }

    fn drawn(source: &PicturesInMemory, order: &[u32], seed: u64) -> Vec<Sample> {
        let rows = PatchRows::of(&ImageSpec::default(), 1);
        sample(source, order, &rows, seed, (1, &AtomicBool::new(false)), &|_| {}).unwrap()
    }

    #[test]
    fn patches_are_drawn_at_most_once_and_again_by_the_same_seed() {
        let source = pictures(3, 24);
        let all = drawn(&source, &[0, 2], 1);
        // 25 places of 24 × 24 pixels, 4 of 12 × 12; fewer than might be drawn.
        assert_eq!((all[0].patches.len(), all[1].patches.len()), (50, 8));
        let distinct: HashSet<Vec<u32>> =
            all[0].rows.chunks(64).map(|row| row.iter().map(|v| v.to_bits()).collect()).collect();
        assert_eq!(distinct.len(), 50);
        assert_eq!(all, drawn(&source, &[0, 2], 1));
        assert_ne!(all, drawn(&source, &[0, 2], 2));
    }

    #[test]
    fn pictures_looked_at_are_evenly_spaced() {
        let all: Vec<u32> = (5..15).collect();
        assert_eq!(evenly(&all, 10), all);
        assert_eq!(evenly(&all, 4), [5, 7, 10, 12]);
        assert!(evenly(&[], 4).is_empty());
    }

    #[test]
    fn many_pictures_give_few_patches_each_and_no_more_than_the_bound() {
        let n = 30_000;
        let share = |i: u64| share((i, n), MOST_PATCHES);
        assert_eq!((0..n).map(share).sum::<usize>(), MOST_PATCHES);
        assert!((0..n).all(|i| share(i) <= 1));
        for (d, scales) in [(64, 2), (3 * 64 * 64, 3), (4, 1)] {
            let bytes = most_patches(d, scales) * d * scales * size_of::<f32>();
            assert!(bytes <= MOST_BYTES, "{bytes}");
        }
    }
}
