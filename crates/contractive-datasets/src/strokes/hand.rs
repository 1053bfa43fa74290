//! The hand: how one person, once, moves the pen along a skeleton.
//!
//! Every number is drawn from the row's own stream of random bits. Only additions, multiplications, divisions and
//! square roots are used, and sine and cosine of the `libm` crate, so that every platform draws the same pixels.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::skeleton::{DIGITS, Glyph, Stroke};

/// Points a spline gets between two knots: under a pixel apart at 28×28.
const POINTS_PER_SPAN: usize = 8;

/// A point of a drawn line: position in pixels and half the line's width there.
#[derive(Clone, Copy)]
pub(super) struct Ink {
    pub x: f64,
    pub y: f64,
    pub radius: f64,
}

/// The lines of one image and how the pen leaves its ink.
pub(super) struct Drawing {
    pub label: u8,
    pub lines: Vec<Vec<Ink>>,
    /// Half the width of the line's soft edge, in pixels.
    pub softness: f64,
    /// Share of each pixel that spreads to its neighbours.
    pub blur: f64,
    /// Value of full ink, up to 255.
    pub peak: f64,
}

/// A row's own random numbers.
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    /// The numbers of stream `stream` of `seed`: any row's can be had without drawing those before it.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..24].copy_from_slice(b"contractive dice");
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(stream);
        Dice(rng)
    }

    /// Evenly spread in [0, 1).
    fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Bell-shaped with mean 0 and deviation 1, never beyond 3.5: four even draws added, so no logarithm is needed.
    fn bell(&mut self) -> f64 {
        let sum = self.unit() + self.unit() + self.unit() + self.unit();
        (sum - 2.0) * 1.732_050_807_568_877_2
    }

    fn below(&mut self, n: u64) -> u64 {
        ((self.0.next_u64() >> 32) * n) >> 32
    }
}

/// Draws the lines of one digit inside a square of `side` pixels.
pub(super) fn draw(dice: &mut Dice, side: f64) -> Drawing {
    let label = dice.below(10) as usize;
    let glyph = choose_variant(dice, label);

    let wobble = dice.between(0.018, 0.042);
    let pressure_change = dice.between(0.05, 0.22);
    let mut lines: Vec<Vec<Ink>> = glyph.iter().map(|stroke| trace(dice, stroke, wobble, pressure_change)).collect();

    bend(dice, &mut lines, label);
    lean(dice, &mut lines, label);
    let radius = (1.18 + 0.30 * dice.bell()).clamp(0.55, 2.0);
    fit(dice, &mut lines, side, radius);

    Drawing {
        label: label as u8,
        lines,
        softness: dice.between(0.55, 0.85),
        blur: dice.between(0.0, 0.22),
        peak: dice.between(238.0, 255.0),
    }
}

fn choose_variant(dice: &mut Dice, label: usize) -> Glyph {
    let variants = DIGITS[label];
    let mut ticket = dice.below(variants.iter().map(|(weight, _)| weight).sum());
    for &(weight, glyph) in variants {
        if ticket < weight {
            return glyph;
        }
        ticket -= weight;
    }
    variants[0].1
}

/// The smooth curve through a stroke's knots, each moved a little; `radius` holds the relative pressure.
fn trace(dice: &mut Dice, stroke: Stroke, wobble: f64, pressure_change: f64) -> Vec<Ink> {
    // The first and last point vary most: that is where the pen lands and lifts.
    let last = stroke.len() - 1;
    let knots: Vec<Ink> = stroke
        .iter()
        .enumerate()
        .map(|(i, knot)| {
            let reach = if i == 0 || i == last { 1.5 * wobble } else { wobble };
            Ink {
                x: knot.x + reach * dice.bell(),
                y: knot.y + reach * dice.bell(),
                radius: (1.0 + pressure_change * dice.bell()).clamp(0.55, 1.5),
            }
        })
        .collect();

    let mut line = Vec::with_capacity(last * POINTS_PER_SPAN + 1);
    line.push(knots[0]);
    for i in 0..last {
        let (from, to) = (knots[i], knots[i + 1]);
        let before = if i == 0 || stroke[i].is_corner { mirrored(from, to) } else { knots[i - 1] };
        let after = if i + 1 == last || stroke[i + 1].is_corner { mirrored(to, from) } else { knots[i + 2] };
        for step in 1..=POINTS_PER_SPAN {
            line.push(centripetal(before, from, to, after, step as f64 / POINTS_PER_SPAN as f64));
        }
    }
    line
}

/// The neighbour that a curve's end lacks: the other point seen through this one.
fn mirrored(at: Ink, other: Ink) -> Ink {
    Ink { x: 2.0 * at.x - other.x, y: 2.0 * at.y - other.y, radius: at.radius }
}

/// The centripetal Catmull–Rom curve from `b` to `c`, which neither overshoots nor loops between uneven knots.
fn centripetal(a: Ink, b: Ink, c: Ink, d: Ink, share: f64) -> Ink {
    let step = |from: Ink, to: Ink| {
        let (dx, dy) = (to.x - from.x, to.y - from.y);
        (dx * dx + dy * dy).sqrt().sqrt().max(1e-6)
    };
    let t1 = step(a, b);
    let t2 = t1 + step(b, c);
    let t3 = t2 + step(c, d);
    let t = t1 + share * (t2 - t1);
    let mix = |from: (f64, f64), to: (f64, f64), start: f64, end: f64| {
        let w = (t - start) / (end - start);
        (from.0 + w * (to.0 - from.0), from.1 + w * (to.1 - from.1))
    };
    let (a, b, c, d, from, to) = ((a.x, a.y), (b.x, b.y), (c.x, c.y), (d.x, d.y), b.radius, c.radius);
    let (ab, bc, cd) = (mix(a, b, 0.0, t1), mix(b, c, t1, t2), mix(c, d, t2, t3));
    let (x, y) = mix(mix(ab, bc, 0.0, t2), mix(bc, cd, t1, t3), t1, t2);
    Ink { x, y, radius: from + share * (to - from) }
}

/// A slow change of shape over the whole digit: upper part larger or smaller than the lower, sides bowed.
fn bend(dice: &mut Dice, lines: &mut [Vec<Ink>], label: usize) {
    // A one or a seven bowed further would be a bracket.
    let bow_spread = if label == 1 || label == 7 { 0.035 } else { 0.065 };
    let bow = bow_spread * dice.bell();
    let (taper, sag, crowd) = (0.13 * dice.bell(), 0.08 * dice.bell(), 0.10 * dice.bell());
    for ink in lines.iter_mut().flatten() {
        let (u, v) = (ink.x - 0.32, ink.y - 0.5);
        ink.x += taper * u * v * 2.0 + bow * (4.0 * v * v - 0.5);
        ink.y += crowd * (4.0 * v * v - 0.5) * 0.5 + sag * u * 2.0;
    }
}

/// The writer's slant, rotation and width.
fn lean(dice: &mut Dice, lines: &mut [Vec<Ink>], label: usize) {
    // Ones lean most and sevens little, as people write them.
    let slant = match label {
        1 => 0.20 + 0.24 * dice.bell(),
        7 => 0.02 + 0.12 * dice.bell(),
        _ => 0.12 + 0.17 * dice.bell(),
    };
    let width = (1.05 + 0.16 * dice.bell()).clamp(0.65, 1.5);
    let angle = 0.09 * dice.bell();
    let (sine, cosine) = (libm::sin(angle), libm::cos(angle));
    for ink in lines.iter_mut().flatten() {
        let (u, v) = ((ink.x - 0.32) * width - slant * (ink.y - 0.5), ink.y - 0.5);
        ink.x = cosine * u - sine * v;
        ink.y = sine * u + cosine * v;
    }
}

/// Scales the digit to 20 of 28 pixels, puts its centre of ink near the middle, and turns pressure into line width.
fn fit(dice: &mut Dice, lines: &mut [Vec<Ink>], side: f64, radius: f64) {
    let (mut left, mut right, mut top, mut bottom) = (f64::MAX, f64::MIN, f64::MAX, f64::MIN);
    let (mut sum_x, mut sum_y, mut length) = (0.0, 0.0, 0.0);
    for line in lines.iter() {
        for pair in line.windows(2) {
            let (a, b) = (pair[0], pair[1]);
            let (dx, dy) = (b.x - a.x, b.y - a.y);
            let weight = (dx * dx + dy * dy).sqrt();
            sum_x += weight * 0.5 * (a.x + b.x);
            sum_y += weight * 0.5 * (a.y + b.y);
            length += weight;
        }
        for ink in line {
            left = left.min(ink.x);
            right = right.max(ink.x);
            top = top.min(ink.y);
            bottom = bottom.max(ink.y);
        }
    }
    let size = side * (20.0 / 28.0) * dice.between(0.90, 1.03) - 2.0 * radius;
    let scale = size / (right - left).max(bottom - top).max(1e-6);
    let (shift_x, shift_y) = (0.45 * dice.bell(), 0.45 * dice.bell());
    // The centre of ink, as in MNIST, drawn a little to the centre of the box so that a seven's foot stays inside.
    let middle = |sum: f64, low: f64, high: f64| 0.65 * sum / length.max(1e-6) + 0.35 * 0.5 * (low + high);
    let (middle_x, middle_y) = (middle(sum_x, left, right), middle(sum_y, top, bottom));
    for ink in lines.iter_mut().flatten() {
        ink.x = (ink.x - middle_x) * scale + 0.5 * side + shift_x;
        ink.y = (ink.y - middle_y) * scale + 0.5 * side + shift_y;
        ink.radius *= radius;
    }
}
