//! Connected regions of pixels: what of a picture is odd, or marked by a mask.

/// The numbers of the regions that the marked pixels form, row by row: 0 where none is marked, else from 1. Pixels that touch
/// by a side or a corner are of one region. Also how many there are.
///
/// # Panics
/// If `marked` does not fill rows of `width` pixels.
pub fn regions(marked: &[bool], width: usize) -> (Vec<u32>, usize) {
    assert!(width > 0 && marked.len().is_multiple_of(width), "whole rows of pixels");
    let (mut numbers, mut n, mut waiting) = (vec![0_u32; marked.len()], 0, Vec::new());
    for start in 0..marked.len() {
        if !marked[start] || numbers[start] != 0 {
            continue;
        }
        n += 1;
        numbers[start] = n;
        waiting.push(start);
        while let Some(at) = waiting.pop() {
            for near in around(at, width, marked.len()) {
                if marked[near] && numbers[near] == 0 {
                    numbers[near] = n;
                    waiting.push(near);
                }
            }
        }
    }
    (numbers, n as usize)
}

/// The pixels around `at`, and itself.
fn around(at: usize, width: usize, n: usize) -> impl Iterator<Item = usize> {
    let (y, x) = (at / width, at % width);
    let rows = y.saturating_sub(1)..=(y + 1).min(n / width - 1);
    rows.flat_map(move |y| (x.saturating_sub(1)..=(x + 1).min(width - 1)).map(move |x| y * width + x))
}

/// The marked pixels that touch one that is not marked, or the rim, by a side.
///
/// # Panics
/// As [`regions`].
pub fn outline(marked: &[bool], width: usize) -> Vec<bool> {
    assert!(width > 0 && marked.len().is_multiple_of(width), "whole rows of pixels");
    let height = marked.len() / width;
    let is_rim = |at: usize| {
        let (y, x) = (at / width, at % width);
        let is_edge = y == 0 || x == 0 || y + 1 == height || x + 1 == width;
        is_edge || !marked[at - 1] || !marked[at + 1] || !marked[at - width] || !marked[at + width]
    };
    (0..marked.len()).map(|at| marked[at] && is_rim(at)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(text: &str) -> Vec<bool> {
        text.chars().map(|c| c == '#').collect()
    }

    #[test]
    fn regions_touch_by_corners_too() {
        let (numbers, n) = regions(&marks("##..#.....#.#..#"), 4);
        assert_eq!(n, 3);
        assert_eq!(numbers, [1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 2, 0, 3, 0, 0, 2]);
    }

    #[test]
    fn an_outline_is_the_rim_of_its_region() {
        let square = marks(".....###..###..###.......");
        let line = outline(&square, 5);
        assert_eq!(line.iter().filter(|v| **v).count(), 8);
        assert!(line[6] && !line[11], "a square of three: its middle is no rim");
        assert_eq!(outline(&[true; 9], 3), [true, true, true, true, false, true, true, true, true]);
    }
}
