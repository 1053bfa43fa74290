//! Features of chosen patches, read from their pictures by trained networks in a second pass: the networks of finer scales have
//! their say in them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use super::error::ImageError;
use super::features::{Beneath, CHUNK, FeatureReader, PatchNetworks, Roughness};
use super::rows::{Cut, PLACE};
use super::sampling::PatchOf;
use super::source::PictureSet;
use crate::detector::DetectorError;

/// Patches of one scale that are looked at again.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Chosen {
    /// Those among which neighbours will be looked for.
    pub(super) banked: Vec<PatchOf>,
    /// Those that tell what is usual: neither a network nor the bank has seen them.
    pub(super) ordinary: Vec<PatchOf>,
}

/// Features of some patches, not whitened, row-major (n, width), with the places of their middles in sides of the picture.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Described {
    pub(super) features: Vec<f32>,
    /// Mean squared errors of the networks.
    pub(super) errors: Vec<f64>,
    pub(super) places: Vec<[f32; PLACE]>,
}

/// What is described of each scale.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct DescribedScale {
    pub(super) banked: Described,
    pub(super) ordinary: Described,
}

/// Patches of one picture at one scale: (their places in its grid, whether they are ordinary ones).
type Wishes = Vec<(u32, bool)>;

/// Describes the `chosen` patches of every scale, finest first, in the order of their pictures. Those of pictures that are broken
/// and passed over are missing.
pub(super) fn describe(
    source: &dyn PictureSet,
    networks: &[PatchNetworks],
    chosen: &[Chosen],
    (threads, stop): (usize, &AtomicBool),
    told: &dyn Fn(usize, usize),
) -> Result<Vec<DescribedScale>, ImageError> {
    let wishes = by_picture(chosen);
    let mut readers = networks.iter().map(PatchNetworks::reader).collect::<Result<Vec<_>, ImageError>>()?;
    let mut described = vec![DescribedScale::default(); networks.len()];
    let order: Vec<u32> = wishes.keys().copied().collect();
    let of = order.len();
    for (done, item) in source.stream(order, threads).enumerate() {
        if stop.load(Ordering::Relaxed) {
            return Err(DetectorError::Stopped.into());
        }
        let (place, picture) = item?;
        let mut finer: Option<(usize, Cut<'_>)> = None;
        for (s, wishes) in wishes.get(&place).into_iter().flatten().enumerate() {
            let Some(cut) = networks[s].rows.cut(&picture, || source.name(place as usize))? else { break };
            if !wishes.is_empty() {
                let beneath = match &finer {
                    Some((below, finer)) => beneath(&mut readers[*below], &cut, finer, wishes)?,
                    None => Vec::new(),
                };
                describe_patches(&mut readers[s], &cut, &beneath, wishes, &mut described[s])?;
            }
            finer = Some((s, cut));
        }
        told(done + 1, of);
    }
    Ok(described)
}

/// The chosen patches of each picture: for each scale the wishes, perhaps none.
fn by_picture(chosen: &[Chosen]) -> BTreeMap<u32, Vec<Wishes>> {
    let mut wishes: BTreeMap<u32, Vec<Wishes>> = BTreeMap::new();
    for (s, of) in chosen.iter().enumerate() {
        let both = of.banked.iter().map(|one| (one, false)).chain(of.ordinary.iter().map(|one| (one, true)));
        for ((picture, patch), is_ordinary) in both {
            let of_picture = wishes.entry(*picture).or_insert_with(|| vec![Wishes::new(); chosen.len()]);
            of_picture[s].push((*patch, is_ordinary));
        }
    }
    wishes
}

/// The mean roughness beneath each of the wished patches of `cut`; each finer patch is read once.
fn beneath(
    reader: &mut FeatureReader<'_>,
    cut: &Cut<'_>,
    finer: &Cut<'_>,
    wishes: &Wishes,
) -> Result<Vec<Roughness>, ImageError> {
    let on = Beneath::new(cut, finer);
    let mut needed: Vec<usize> = wishes.iter().flat_map(|(patch, _)| on.patches(*patch as usize)).collect();
    needed.sort_unstable();
    needed.dedup();
    let mut of_finer = vec![Roughness::default(); finer.grid.n_patches()];
    let mut rows = Vec::new();
    for some in needed.chunks(CHUNK) {
        finer.rows(some.iter().copied(), &mut rows);
        reader.read(&rows, &[])?;
        some.iter().zip(reader.roughness()).for_each(|(i, roughness)| of_finer[*i] = roughness);
    }
    Ok(wishes.iter().map(|(patch, _)| on.mean(*patch as usize, &of_finer)).collect())
}

fn describe_patches(
    reader: &mut FeatureReader<'_>,
    cut: &Cut<'_>,
    beneath: &[Roughness],
    wishes: &Wishes,
    described: &mut DescribedScale,
) -> Result<(), ImageError> {
    let mut rows = Vec::new();
    for (some, from) in wishes.chunks(CHUNK).zip((0..).step_by(CHUNK)) {
        cut.rows(some.iter().map(|(patch, _)| *patch as usize), &mut rows);
        let of_some = beneath.get(from..from + some.len()).unwrap_or(&[]);
        reader.read(&rows, of_some)?;
        for ((patch, is_ordinary), (feature, error)) in some.iter().zip(reader.each()) {
            let to = if *is_ordinary { &mut described.ordinary } else { &mut described.banked };
            to.features.extend_from_slice(feature);
            to.errors.push(error);
            to.places.push(cut.place(*patch as usize));
        }
    }
    Ok(())
}
