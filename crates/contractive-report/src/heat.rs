//! Heat maps of pictures: a score of each pixel as a colour, and a picture with its odd regions outlined.

use contractive_anomaly::images::regions::outline;
use contractive_anomaly::images::{HeatMap, ScoredPicture};

use crate::colour::Rgb;
use crate::error::FigureError;
use crate::png;

/// Lightness rises evenly from the first to the last: matplotlib's inferno, by anchors.
const HEAT: [Rgb; 10] = [
    [0, 0, 4],
    [27, 12, 65],
    [74, 12, 107],
    [120, 28, 109],
    [165, 44, 96],
    [207, 68, 70],
    [237, 105, 37],
    [251, 155, 6],
    [247, 209, 61],
    [252, 255, 164],
];
/// The outline, and what parts it from the picture.
const LINE: Rgb = [255, 56, 0];
const HALO: Rgb = [255, 255, 255];

/// The colour of `share`, 0 to 1; values outside are clamped, NaN is that of 0.
fn heat(share: f64) -> Rgb {
    let steps = (HEAT.len() - 1) as f64;
    let place = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) } * steps;
    let below = (place.floor() as usize).min(HEAT.len() - 2);
    let part = place - below as f64;
    std::array::from_fn(|c| {
        let [low, high] = [HEAT[below][c], HEAT[below + 1][c]].map(f64::from);
        (low + part * (high - low)).round() as u8
    })
}

/// The map as a PNG of its size. Colours are the same in all maps of a detector: dark where a pixel scores 0, the usual one;
/// in the middle at `level`, above which a pixel is odd; lightest at twice that.
///
/// # Errors
/// [`FigureError::Size`] of a map larger than a picture may be.
pub fn heat_map_png(map: &HeatMap, level: f64) -> Result<Vec<u8>, FigureError> {
    let (width, height) = png::check_size(map.width, map.height, 1)?;
    let most = if level > 0.0 { 2.0 * level } else { 1.0 };
    let pixels: Vec<u8> = map.values.iter().flat_map(|v| heat(f64::from(*v) / most)).collect();
    png::rgb(&pixels, width, height)
}

/// The picture as a PNG in colour, with a line around what scores above `level`.
///
/// # Errors
/// As [`heat_map_png`].
pub fn outlined_png(scored: &ScoredPicture, level: f64) -> Result<Vec<u8>, FigureError> {
    let (map, picture) = (&scored.map, &scored.picture);
    let (width, height) = png::check_size(map.width, map.height, 1)?;
    let mut pixels: Vec<u8> = match picture.shape.channels {
        3 => picture.pixels.clone(),
        _ => picture.pixels.iter().flat_map(|v| [*v; 3]).collect(),
    };
    let marked: Vec<bool> = map.values.iter().map(|v| f64::from(*v) > level).collect();
    let mut draw = |line: Vec<bool>, colour: Rgb| {
        for (pixel, is_line) in pixels.chunks_exact_mut(3).zip(line) {
            if is_line {
                pixel.copy_from_slice(&colour);
            }
        }
    };
    // A line of two pixels on the region, and one of light around it.
    let wide = grown(&marked, map.width);
    let inner: Vec<bool> = marked.iter().zip(outline(&marked, map.width)).map(|(m, o)| *m && !o).collect();
    draw(outline(&wide, map.width).iter().zip(&marked).map(|(o, m)| *o && !*m).collect(), HALO);
    draw(outline(&marked, map.width), LINE);
    draw(outline(&inner, map.width), LINE);
    png::rgb(&pixels, width, height)
}

/// The marked pixels and those beside them.
fn grown(marked: &[bool], width: usize) -> Vec<bool> {
    let is_near = |at: usize| {
        let x = at % width;
        let beside = [
            (x > 0).then(|| at - 1),
            (x + 1 < width).then_some(at + 1),
            at.checked_sub(width),
            Some(at + width).filter(|below| *below < marked.len()),
        ];
        marked[at] || beside.into_iter().flatten().any(|at| marked[at])
    };
    (0..marked.len()).map(is_near).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heat_grows_lighter_all_the_way() {
        let lightness = |c: Rgb| 0.2126 * f64::from(c[0]) + 0.7152 * f64::from(c[1]) + 0.0722 * f64::from(c[2]);
        let all: Vec<f64> = (0..=100).map(|i| lightness(heat(f64::from(i) / 100.0))).collect();
        assert!(all.is_sorted(), "{all:?}");
        assert_eq!((heat(-3.0), heat(f64::NAN), heat(9.0)), (HEAT[0], HEAT[0], HEAT[9]));
    }

    #[test]
    fn what_is_near_a_mark_is_grown_into_and_rows_stay_apart() {
        let marked = [false, false, true, false, false, false, false, false, false];
        assert_eq!(grown(&marked, 3), [false, true, true, false, false, true, false, false, false]);
    }

    #[test]
    fn maps_of_any_numbers_are_drawn() {
        let map = HeatMap { height: 2, width: 2, values: vec![f32::NAN, f32::INFINITY, -1.0, 0.5] };
        for level in [0.0, 1.0, f64::NAN] {
            assert!(heat_map_png(&map, level).unwrap().starts_with(b"\x89PNG"));
        }
        assert!(heat_map_png(&HeatMap { height: 0, width: 0, values: vec![] }, 1.0).is_err());
    }
}
