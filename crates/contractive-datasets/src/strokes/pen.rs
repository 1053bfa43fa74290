//! The pen: lines with width become grey pixels.

use super::hand::{Drawing, Ink};

/// How far from a line, in pixels, the field of distances is kept.
const REACH: f64 = 1.5;

/// Draws `drawing` over `pixels`, a square image of `side` rows, white on black.
///
/// Each pixel gets its signed distance to the nearest line's edge; full ink inside, none outside, and a smooth step of
/// the pen's softness between, which is the anti-aliasing. Then a slight blur, as a scanner gives.
pub(super) fn rasterise(drawing: &Drawing, side: usize, pixels: &mut [u8]) {
    let mut field = vec![REACH; side * side];
    for line in &drawing.lines {
        for pair in line.windows(2) {
            stamp(pair[0], pair[1], side, &mut field);
        }
    }
    let s = drawing.softness;
    for value in &mut field {
        let t = ((s - *value) / (2.0 * s)).clamp(0.0, 1.0);
        *value = t * t * (3.0 - 2.0 * t);
    }
    let blurred = blur(&field, side, drawing.blur);
    for (pixel, ink) in pixels.iter_mut().zip(blurred) {
        *pixel = (ink * drawing.peak + 0.5) as u8;
    }
}

/// Lowers the field to the distance from the edge of the tapering line from `a` to `b`.
fn stamp(a: Ink, b: Ink, side: usize, field: &mut [f64]) {
    let margin = a.radius.max(b.radius) + REACH;
    let clip = |v: f64| v.clamp(0.0, side as f64) as usize;
    let (first_x, last_x) = (clip(a.x.min(b.x) - margin), clip(a.x.max(b.x) + margin + 1.0));
    let (first_y, last_y) = (clip(a.y.min(b.y) - margin), clip(a.y.max(b.y) + margin + 1.0));
    let (dx, dy) = (b.x - a.x, b.y - a.y);
    let inverse = 1.0 / (dx * dx + dy * dy).max(1e-12);
    let widening = b.radius - a.radius;
    for row in first_y..last_y {
        let y = row as f64 + 0.5 - a.y;
        for column in first_x..last_x {
            let x = column as f64 + 0.5 - a.x;
            let t = ((x * dx + y * dy) * inverse).clamp(0.0, 1.0);
            let (u, v) = (x - t * dx, y - t * dy);
            let edge = (u * u + v * v).sqrt() - (a.radius + t * widening);
            let cell = &mut field[row * side + column];
            if edge < *cell {
                *cell = edge;
            }
        }
    }
}

/// Moves the share `amount` of each pixel to its four neighbours, evenly.
fn blur(field: &[f64], side: usize, amount: f64) -> Vec<f64> {
    let at = |row: usize, column: usize| if row < side && column < side { field[row * side + column] } else { 0.0 };
    let mut out = Vec::with_capacity(field.len());
    for row in 0..side {
        for column in 0..side {
            let around = at(row.wrapping_sub(1), column)
                + at(row + 1, column)
                + at(row, column.wrapping_sub(1))
                + at(row, column + 1);
            out.push((1.0 - amount) * at(row, column) + 0.25 * amount * around);
        }
    }
    out
}
