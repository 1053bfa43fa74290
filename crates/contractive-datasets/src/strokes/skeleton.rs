//! The shapes of the ten digits: control points that a hand passes through.
//!
//! Coordinates are in a box one unit high, x to the right and y downwards; most digits are about 0.6 wide. A smooth
//! curve runs through the points of a stroke; at a corner it breaks. Each digit has the variants that people write: a
//! one with or without a foot, a four open or closed, a seven with or without a bar.

/// A point that the pen passes.
#[derive(Clone, Copy)]
pub(super) struct Knot {
    pub x: f64,
    pub y: f64,
    /// Whether the direction of the pen may jump here.
    pub is_corner: bool,
}

/// The pen is down from the first knot to the last.
pub(super) type Stroke = &'static [Knot];
/// One way of writing a digit.
pub(super) type Glyph = &'static [Stroke];

const fn p(x: f64, y: f64) -> Knot {
    Knot { x, y, is_corner: false }
}

const fn k(x: f64, y: f64) -> Knot {
    Knot { x, y, is_corner: true }
}

/// The variants of each digit, and how often each is chosen (the weights of a digit add up to 16).
pub(super) const DIGITS: [&[(u64, Glyph)]; 10] = [
    &[(9, ZERO_OVAL), (7, ZERO_OVERLAP)],
    &[(9, ONE_BARE), (5, ONE_FLAG), (2, ONE_FOOT)],
    &[(8, TWO_CORNER), (8, TWO_LOOP)],
    &[(12, THREE_ROUND), (4, THREE_FLAT)],
    &[(10, FOUR_OPEN), (6, FOUR_CLOSED)],
    &[(9, FIVE_HAT), (7, FIVE_ONE_STROKE)],
    &[(9, SIX_CURLED), (7, SIX_STRAIGHT)],
    &[(9, SEVEN_BARE), (4, SEVEN_BAR), (3, SEVEN_HOOK)],
    &[(11, EIGHT_ONE_STROKE), (5, EIGHT_TWO_LOOPS)],
    &[(9, NINE_STRAIGHT), (7, NINE_CURLED)],
];

const ZERO_OVAL: Glyph = &[&[
    p(0.36, 0.02),
    p(0.15, 0.16),
    p(0.03, 0.48),
    p(0.10, 0.82),
    p(0.31, 0.99),
    p(0.53, 0.86),
    p(0.63, 0.52),
    p(0.56, 0.17),
    p(0.38, 0.02),
    p(0.26, 0.06),
]];
const ZERO_OVERLAP: Glyph = &[&[
    p(0.52, 0.12),
    p(0.30, 0.02),
    p(0.08, 0.28),
    p(0.03, 0.62),
    p(0.20, 0.95),
    p(0.46, 0.93),
    p(0.62, 0.62),
    p(0.60, 0.25),
    p(0.42, 0.07),
]];

const ONE_BARE: Glyph = &[&[p(0.33, 0.0), p(0.32, 0.33), p(0.30, 0.66), p(0.29, 1.0)]];
const ONE_FLAG: Glyph = &[&[p(0.14, 0.24), p(0.26, 0.14), k(0.37, 0.0), p(0.36, 0.35), p(0.35, 0.70), p(0.35, 1.0)]];
const ONE_FOOT: Glyph = &[
    &[p(0.14, 0.22), p(0.26, 0.12), k(0.36, 0.0), p(0.36, 0.35), p(0.35, 0.70), p(0.35, 1.0)],
    &[p(0.10, 1.0), p(0.35, 0.99), p(0.60, 1.0)],
];

const TWO_CORNER: Glyph = &[&[
    p(0.05, 0.20),
    p(0.22, 0.02),
    p(0.50, 0.05),
    p(0.57, 0.28),
    p(0.38, 0.58),
    p(0.18, 0.80),
    k(0.03, 0.98),
    p(0.32, 0.96),
    p(0.66, 0.97),
]];
const TWO_LOOP: Glyph = &[&[
    p(0.07, 0.22),
    p(0.26, 0.02),
    p(0.50, 0.08),
    p(0.54, 0.32),
    p(0.38, 0.62),
    p(0.18, 0.88),
    p(0.05, 0.95),
    p(0.06, 0.82),
    p(0.24, 0.84),
    p(0.46, 0.97),
    p(0.68, 0.91),
]];

const THREE_ROUND: Glyph = &[&[
    p(0.06, 0.12),
    p(0.28, 0.0),
    p(0.54, 0.10),
    p(0.50, 0.34),
    k(0.22, 0.47),
    p(0.52, 0.55),
    p(0.60, 0.78),
    p(0.38, 0.98),
    p(0.12, 0.97),
    p(0.02, 0.87),
]];
const THREE_FLAT: Glyph = &[&[
    p(0.05, 0.03),
    p(0.30, 0.02),
    k(0.57, 0.03),
    p(0.42, 0.20),
    k(0.25, 0.40),
    p(0.54, 0.52),
    p(0.59, 0.78),
    p(0.34, 0.99),
    p(0.04, 0.92),
]];

const FOUR_OPEN: Glyph = &[
    &[p(0.13, 0.02), p(0.09, 0.28), p(0.06, 0.50), p(0.28, 0.56), p(0.60, 0.49)],
    &[p(0.53, 0.05), p(0.50, 0.38), p(0.46, 0.70), p(0.44, 1.0)],
];
const FOUR_CLOSED: Glyph = &[
    &[p(0.46, 0.0), p(0.26, 0.30), k(0.03, 0.63), p(0.34, 0.63), p(0.67, 0.61)],
    &[p(0.46, 0.0), p(0.45, 0.35), p(0.44, 0.70), p(0.43, 1.0)],
];

const FIVE_HAT: Glyph = &[
    &[
        p(0.17, 0.04),
        p(0.14, 0.22),
        k(0.11, 0.43),
        p(0.34, 0.37),
        p(0.57, 0.54),
        p(0.54, 0.83),
        p(0.28, 1.0),
        p(0.03, 0.91),
    ],
    &[p(0.17, 0.04), p(0.38, 0.05), p(0.62, 0.02)],
];
const FIVE_ONE_STROKE: Glyph = &[&[
    p(0.60, 0.03),
    p(0.38, 0.03),
    k(0.16, 0.05),
    p(0.13, 0.24),
    k(0.10, 0.44),
    p(0.34, 0.38),
    p(0.58, 0.56),
    p(0.52, 0.86),
    p(0.26, 0.99),
    p(0.02, 0.92),
]];

const SIX_CURLED: Glyph = &[&[
    p(0.50, 0.0),
    p(0.24, 0.20),
    p(0.06, 0.55),
    p(0.09, 0.86),
    p(0.31, 1.0),
    p(0.54, 0.86),
    p(0.51, 0.62),
    p(0.31, 0.53),
    p(0.12, 0.67),
    p(0.08, 0.80),
]];
const SIX_STRAIGHT: Glyph = &[&[
    p(0.34, 0.0),
    p(0.18, 0.30),
    p(0.05, 0.66),
    p(0.12, 0.94),
    p(0.36, 0.99),
    p(0.55, 0.80),
    p(0.46, 0.61),
    p(0.24, 0.62),
    p(0.09, 0.80),
]];

const SEVEN_BARE: Glyph = &[&[p(0.03, 0.06), p(0.30, 0.06), k(0.62, 0.03), p(0.48, 0.32), p(0.35, 0.64), p(0.26, 1.0)]];
const SEVEN_BAR: Glyph = &[
    &[p(0.03, 0.06), p(0.30, 0.06), k(0.62, 0.03), p(0.49, 0.32), p(0.36, 0.64), p(0.28, 1.0)],
    &[p(0.17, 0.52), p(0.38, 0.49), p(0.60, 0.47)],
];
const SEVEN_HOOK: Glyph =
    &[&[p(0.04, 0.22), k(0.06, 0.06), p(0.34, 0.06), k(0.64, 0.03), p(0.48, 0.34), p(0.36, 0.67), p(0.31, 1.0)]];

const EIGHT_ONE_STROKE: Glyph = &[&[
    p(0.54, 0.14),
    p(0.32, 0.02),
    p(0.11, 0.15),
    p(0.17, 0.36),
    p(0.40, 0.53),
    p(0.57, 0.76),
    p(0.34, 0.99),
    p(0.07, 0.81),
    p(0.20, 0.57),
    p(0.43, 0.38),
    p(0.57, 0.18),
    p(0.46, 0.05),
]];
const EIGHT_TWO_LOOPS: Glyph = &[
    &[p(0.34, 0.47), p(0.14, 0.34), p(0.15, 0.11), p(0.36, 0.01), p(0.55, 0.13), p(0.52, 0.35), p(0.36, 0.47)],
    &[p(0.34, 0.47), p(0.09, 0.61), p(0.06, 0.87), p(0.32, 1.0), p(0.59, 0.86), p(0.56, 0.61), p(0.34, 0.47)],
];

const NINE_STRAIGHT: Glyph = &[&[
    p(0.53, 0.13),
    p(0.33, 0.01),
    p(0.08, 0.16),
    p(0.07, 0.38),
    p(0.27, 0.48),
    p(0.49, 0.34),
    k(0.56, 0.10),
    p(0.53, 0.42),
    p(0.49, 0.72),
    p(0.46, 1.0),
]];
const NINE_CURLED: Glyph = &[&[
    p(0.52, 0.12),
    p(0.30, 0.01),
    p(0.07, 0.17),
    p(0.08, 0.40),
    p(0.30, 0.47),
    p(0.50, 0.32),
    p(0.56, 0.13),
    p(0.58, 0.47),
    p(0.50, 0.82),
    p(0.29, 1.0),
    p(0.06, 0.94),
]];
