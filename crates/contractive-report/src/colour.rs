//! Colours that readers with any colour vision tell apart.

/// Red, green, blue.
pub(crate) type Rgb = [u8; 3];

/// Curves: blue, vermilion and green of the Okabe–Ito palette.
pub(crate) const BLUE: Rgb = [0, 114, 178];
pub(crate) const VERMILION: Rgb = [213, 94, 0];
pub(crate) const GREEN: Rgb = [0, 158, 115];
/// Series that share a chart, such as classes; the first three are those above. A page gives each a twin for dark mode.
pub(crate) const SERIES: [Rgb; 10] = [
    BLUE,
    VERMILION,
    GREEN,
    [126, 76, 168],
    [176, 125, 0],
    [196, 60, 110],
    [70, 160, 220],
    [120, 86, 62],
    [98, 142, 30],
    [92, 104, 120],
];
/// Text and frames.
pub(crate) const INK: Rgb = [38, 38, 38];
pub(crate) const FRAME: Rgb = [120, 120, 120];
pub(crate) const GRID: Rgb = [226, 226, 226];
pub(crate) const MINOR_GRID: Rgb = [243, 243, 243];
pub(crate) const PAPER: Rgb = [255, 255, 255];

/// From the most negative (dark blue) over zero (near white) to the most positive (dark orange), evenly spaced.
const DIVERGING: [Rgb; 7] =
    [[4, 44, 92], [32, 108, 172], [140, 188, 222], [247, 247, 247], [246, 178, 116], [212, 96, 24], [108, 36, 4]];

/// Colour of `value` in −1..=1, linear between the anchors; values outside are clamped.
pub(crate) fn diverging(value: f64) -> Rgb {
    let steps = (DIVERGING.len() - 1) as f64;
    let place = (value.clamp(-1.0, 1.0) + 1.0) / 2.0 * steps;
    let below = (place.floor() as usize).min(DIVERGING.len() - 2);
    let share = place - below as f64;
    std::array::from_fn(|channel| {
        let [low, high] = [DIVERGING[below][channel], DIVERGING[below + 1][channel]].map(f64::from);
        (low + share * (high - low)).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_neutral_and_the_ends_are_the_anchors() {
        assert_eq!(diverging(0.0), [247, 247, 247]);
        assert_eq!(diverging(-1.0), DIVERGING[0]);
        assert_eq!(diverging(7.0), DIVERGING[6]);
    }
}
