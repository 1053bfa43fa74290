//! Scores and heat maps of pictures, several at a time, in their order.

use contractive_pictures::Picture;

use super::error::ImageError;
use super::map::{HeatMap, map_of};
use super::rows::Cut;
use super::scale::PatchScorer;
use super::source::PictureSet;
use super::whole::WholeScorer;
use super::{ImageDetector, Learnt, Scale};
use crate::detector::{DetectorError, for_each};

/// Pictures that wait for each thread.
const AHEAD: usize = 2;

/// What a detector says of a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoredPicture {
    /// Its place in the source.
    pub place: u32,
    /// The picture.
    pub picture: Picture,
    /// Its score, higher is more anomalous; 0 is usual for a pixel, 1 what one patch in twenty of ordinary pictures has.
    pub score: f64,
    /// The share of ordinary pictures that score lower, strictly between 0 and 1.
    pub probability: f64,
    /// Whether the score is above the threshold.
    pub is_anomaly: bool,
    /// A score of every pixel.
    pub map: HeatMap,
}

/// A detector made ready to score pictures, one after the other, in one thread.
pub struct ImageScorer<'a> {
    detector: &'a ImageDetector,
    looks: Looks<'a>,
}

/// At patches of every scale, or at wholes.
enum Looks<'a> {
    Patches(Vec<(&'a Scale, PatchScorer<'a>)>),
    Whole(Box<WholeScorer<'a>>),
}

impl ImageScorer<'_> {
    /// The heat map of `picture`, called `name` in messages.
    ///
    /// # Errors
    /// [`ImageError::Channels`], [`ImageError::TooSmall`]; of pictures as wholes [`ImageError::Size`];
    /// [`ImageError::NotFinite`].
    pub fn map(&mut self, picture: &Picture, name: &str) -> Result<HeatMap, ImageError> {
        Ok(self.look(picture, name)?.1)
    }

    /// The score and the heat map of a picture, all finite.
    fn look(&mut self, picture: &Picture, name: &str) -> Result<(f64, HeatMap), ImageError> {
        let (score, map) = self.raw(picture, name)?;
        let pixel = map.values.iter().copied().find(|v| !v.is_finite()).map(|v| ("a pixel of the heat map", v.into()));
        match Some(("the score", score)).filter(|(_, v)| !v.is_finite()).or(pixel) {
            None => Ok((score, map)),
            Some((what, value)) => Err(ImageError::NotFinite { picture: name.to_owned(), what, value }),
        }
    }

    /// The same, as the numbers come.
    fn raw(&mut self, picture: &Picture, name: &str) -> Result<(f64, HeatMap), ImageError> {
        let spec = &self.detector.spec;
        let scales = match &mut self.looks {
            Looks::Whole(scorer) => return scorer.score(picture, name, spec),
            Looks::Patches(scales) => scales,
        };
        let mut scored: Vec<(Cut<'_>, usize, Vec<f64>)> = Vec::with_capacity(scales.len());
        let mut of_finer = Vec::new();
        for (scale, scorer) in scales {
            let Some(cut) = scale.networks.rows.cut(picture, || name.to_owned())? else { break };
            let finer = scored.last().map(|(finer, ..)| (finer, &of_finer[..]));
            let (scores, roughness) = scorer.scores(&cut, finer)?;
            scored.push((cut, scale.networks.rows.scale, scores));
            of_finer = roughness;
        }
        let map = map_of(picture.shape, &scored, spec);
        Ok((map.top_mean(spec.top_share), map))
    }

    /// All that the detector says of the picture at `place`.
    ///
    /// # Errors
    /// As [`ImageScorer::map`].
    pub fn score(&mut self, place: u32, picture: Picture, name: &str) -> Result<ScoredPicture, ImageError> {
        let (score, map) = self.look(&picture, name)?;
        let (probability, is_anomaly) = (self.detector.probability(score), score > self.detector.threshold);
        Ok(ScoredPicture { place, picture, score, probability, is_anomaly, map })
    }
}

impl ImageDetector {
    /// Made ready to score pictures in one thread.
    ///
    /// # Errors
    /// [`ImageError::Detector`] where a network cannot be made ready.
    pub fn scorer(&self) -> Result<ImageScorer<'_>, ImageError> {
        let looks = match &self.learnt {
            Learnt::Whole(whole) => Looks::Whole(Box::new(whole.scorer()?)),
            Learnt::Patches(scales) => {
                let scorers = scales.iter().map(|scale| Ok((scale, scale.scorer()?)));
                Looks::Patches(scorers.collect::<Result<_, ImageError>>()?)
            }
        };
        Ok(ImageScorer { detector: self, looks })
    }

    /// What it says of one picture. For many, [`ImageDetector::scorer`] or [`ImageDetector::score_each`].
    ///
    /// # Errors
    /// As [`ImageScorer::map`].
    pub fn score(&self, picture: &Picture) -> Result<ScoredPicture, ImageError> {
        self.scorer()?.score(0, picture.clone(), "the picture")
    }

    /// Scores the pictures of `source` at the places `order`, in that order, with `threads` threads, at least 1: a few
    /// pictures are in memory at a time. `each` takes them as they come, and says whether to go on. The number of threads
    /// changes no bit.
    ///
    /// # Errors
    /// As [`ImageScorer::map`], and what reading a picture gives.
    pub fn score_each(
        &self,
        source: &dyn PictureSet,
        order: Vec<u32>,
        threads: usize,
        each: &mut dyn FnMut(ScoredPicture) -> bool,
    ) -> Result<(), ImageError> {
        if threads == 0 {
            return Err(DetectorError::Setting { name: "threads", must_be: "at least 1", got: 0.0 }.into());
        }
        let mut scorers = (0..threads).map(|_| self.scorer()).collect::<Result<Vec<_>, ImageError>>()?;
        let mut stream = source.stream(order, threads);
        loop {
            let some: Vec<(u32, Picture)> = stream.by_ref().take(threads * AHEAD).collect::<Result<_, _>>()?;
            if some.is_empty() {
                return Ok(());
            }
            let mut scored: Vec<Option<Result<ScoredPicture, ImageError>>> = some.iter().map(|_| None).collect();
            let lent = std::sync::Mutex::new(scorers.iter_mut());
            for_each(some.into_iter().zip(&mut scored), threads, || {
                let mut scorer = lent.lock().unwrap_or_else(|e| e.into_inner()).next();
                move |((place, picture), to): ((u32, Picture), &mut Option<_>)| {
                    *to = scorer.as_mut().map(|scorer| scorer.score(place, picture, &source.name(place as usize)));
                }
            });
            for scored in scored.into_iter().flatten() {
                if !each(scored?) {
                    return Ok(());
                }
            }
        }
    }
}
