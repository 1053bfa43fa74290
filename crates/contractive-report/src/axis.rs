//! Axes: where their ends and ticks lie and how the ticks are written.

/// Largest size of a number that is drawn; beyond it differences of two numbers overflow.
const LARGEST: f64 = 1e300;

/// A logarithmic axis is chosen when the largest value exceeds the smallest by more than this factor.
pub(crate) const LOGARITHMIC_FROM: f64 = 20.0;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum AxisScale {
    Linear,
    Logarithmic,
}

/// A place on an axis; ticks without a label get a faint line only.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick {
    pub(crate) value: f64,
    pub(crate) label: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Axis {
    pub(crate) scale: AxisScale,
    low: f64,
    high: f64,
    pub(crate) ticks: Vec<Tick>,
}

/// Whether a number can be drawn.
pub(crate) fn is_drawable(value: f64) -> bool {
    value.abs() <= LARGEST
}

/// Smallest and largest of the drawable values.
pub(crate) fn extent(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values.into_iter().filter(|&value| is_drawable(value)).fold(None, |range, value| match range {
        None => Some((value, value)),
        Some((low, high)) => Some((f64::min(low, value), f64::max(high, value))),
    })
}

/// The smallest of 1, 2, 5 times a power of ten that is not far below `wanted`, and the exponent of that power.
fn round_step(wanted: f64) -> (f64, i32) {
    let exponent = wanted.log10().floor();
    for (factor, carry) in [(1.0, 0), (2.0, 0), (5.0, 0), (10.0, 1)] {
        let step = factor * 10_f64.powf(exponent);
        if step >= wanted * 0.75 {
            return (step, exponent as i32 + carry);
        }
    }
    (10_f64.powf(exponent + 1.0), exponent as i32 + 1)
}

impl Axis {
    /// For a range of values: logarithmic when all are positive and span more than [`LOGARITHMIC_FROM`].
    pub(crate) fn of_values(low: f64, high: f64, about: usize) -> Self {
        if low > 0.0 && high / low > LOGARITHMIC_FROM {
            Self::logarithmic(low, high, about)
        } else {
            Self::linear(low, high, about)
        }
    }

    /// Linear with room at both ends and about `about` ticks.
    pub(crate) fn linear(low: f64, high: f64, about: usize) -> Self {
        let span = high - low;
        let margin = if span > low.abs().max(high.abs()) * 1e-9 {
            span * 0.05
        } else if high == 0.0 && low == 0.0 {
            1.0
        } else {
            low.abs().max(high.abs()).max(1e-290) * 0.1
        };
        let (low, high) = (low - margin, high + margin);
        let (step, exponent) = round_step((high - low) / about.max(1) as f64);
        let (first, last) = ((low / step).ceil(), (high / step).floor());
        let largest = low.abs().max(high.abs());
        let ticks = (0..=(last - first).clamp(0.0, 100.0) as usize)
            .map(|index| {
                let value = (first + index as f64) * step;
                Tick { value, label: Some(decimal_label(value, exponent, largest)) }
            })
            .collect();
        Self { scale: AxisScale::Linear, low, high, ticks }
    }

    /// Linear for counts: no label between whole numbers.
    pub(crate) fn whole_numbers(low: f64, high: f64, about: usize) -> Self {
        let margin = if high > low { (high - low) * 0.02 } else { 0.5 };
        let (step, _) = round_step(((high - low) / about.max(1) as f64).max(1.0));
        let (first, last) = ((low / step).ceil(), (high / step).floor());
        let ticks = (0..=(last - first).clamp(0.0, 100.0) as usize)
            .map(|index| (first + index as f64) * step)
            .map(|value| Tick { value, label: Some(format!("{value:.0}")) })
            .collect();
        Self { scale: AxisScale::Linear, low: low - margin, high: high + margin, ticks }
    }

    /// Logarithmic: decades, and 2 and 5 between them where the range is short. Needs 0 < low < high.
    pub(crate) fn logarithmic(low: f64, high: f64, about: usize) -> Self {
        let margin = (high.log10() - low.log10()) * 0.05;
        let (low, high) = (low.log10() - margin, high.log10() + margin);
        let decades = high - low;
        let every = (decades / about.max(1) as f64).ceil().max(1.0) as i32;
        let mut ticks = Vec::new();
        for decade in low.floor() as i32..=high.ceil() as i32 {
            for factor in 1..=9 {
                let place = f64::from(decade) + f64::from(factor).log10();
                let is_labelled = match factor {
                    1 => decade.rem_euclid(every) == 0,
                    2 | 5 => decades < 2.7,
                    _ => false,
                };
                if (low..=high).contains(&place) && (factor == 1 || decades < 8.0) {
                    let label = is_labelled.then(|| power_label(factor, decade));
                    ticks.push(Tick { value: 10_f64.powf(place), label });
                }
            }
        }
        Self { scale: AxisScale::Logarithmic, low, high, ticks }
    }

    /// Cuts a linear axis off below `low`, for bars that stand on it.
    pub(crate) fn start_at(&mut self, low: f64) {
        if self.scale == AxisScale::Linear && low < self.high {
            self.low = low;
            self.ticks.retain(|tick| tick.value >= low);
        }
    }

    /// Share of the way from the axis's low end to its high end; `None` where the value cannot be drawn on it.
    pub(crate) fn place(&self, value: f64) -> Option<f64> {
        let value = match self.scale {
            AxisScale::Linear => value,
            AxisScale::Logarithmic if value > 0.0 => value.log10(),
            AxisScale::Logarithmic => return None,
        };
        let place = (value - self.low) / (self.high - self.low);
        (-1e-9..=1.0 + 1e-9).contains(&place).then_some(place)
    }
}

fn superscript(number: i32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let sign = if number < 0 { "⁻" } else { "" };
    let digits = number.unsigned_abs().to_string();
    sign.chars().chain(digits.bytes().map(|digit| DIGITS[usize::from(digit - b'0')])).collect()
}

fn with_minus_sign(text: String) -> String {
    text.replace('-', "−")
}

/// A multiple of 10^`exponent` on an axis that reaches `largest` in size.
pub(crate) fn decimal_label(value: f64, exponent: i32, largest: f64) -> String {
    let top = largest.log10().floor() as i32;
    if value == 0.0 {
        "0".to_owned()
    } else if top >= 5 || exponent < -5 {
        // the factor keeps a power of ten that rounding left just short from being written as ten of the power below
        let own = (value.abs() * (1.0 + 1e-9)).log10().floor() as i32;
        let places = (own - exponent).clamp(0, 12) as usize;
        let mantissa = value / 10_f64.powi(own);
        format!("{}×10{}", with_minus_sign(format!("{mantissa:.places$}")), superscript(own))
    } else {
        with_minus_sign(format!("{value:.*}", (-exponent).max(0) as usize))
    }
}

fn power_label(factor: i32, decade: i32) -> String {
    match decade {
        -4..=-1 => format!("{:.*}", decade.unsigned_abs() as usize, f64::from(factor) * 10_f64.powi(decade)),
        0..=4 => format!("{:.0}", f64::from(factor) * 10_f64.powi(decade)),
        _ if factor == 1 => format!("10{}", superscript(decade)),
        _ => format!("{factor}×10{}", superscript(decade)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().filter_map(|tick| tick.label.as_deref()).collect()
    }

    #[test]
    fn scale_turns_logarithmic_past_a_factor_of_twenty() {
        assert_eq!(Axis::of_values(1.0, 20.0, 5).scale, AxisScale::Linear);
        assert_eq!(Axis::of_values(1.0, 20.1, 5).scale, AxisScale::Logarithmic);
        assert_eq!(Axis::of_values(0.0, 1e9, 5).scale, AxisScale::Linear);
    }

    #[test]
    fn labels_read_as_people_write_them() {
        assert_eq!(labels(&Axis::linear(0.0, 1.0, 5)), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(&Axis::linear(-1.0, 1.0, 5)), ["−1.0", "−0.5", "0", "0.5", "1.0"]);
        assert_eq!(labels(&Axis::linear(2.1e6, 2.4e6, 4)), ["2.1×10⁶", "2.2×10⁶", "2.3×10⁶", "2.4×10⁶"]);
        assert_eq!(labels(&Axis::logarithmic(0.01, 100.0, 6)), ["0.01", "0.1", "1", "10", "100"]);
        assert_eq!(labels(&Axis::logarithmic(1.0, 40.0, 6)), ["1", "2", "5", "10", "20"]);
        assert_eq!(labels(&Axis::whole_numbers(1.0, 3.0, 8)), ["1", "2", "3"]);
        assert_eq!(labels(&Axis::whole_numbers(7.0, 7.0, 8)), ["7"]);
        assert_eq!(power_label(2, -7), "2×10⁻⁷");
    }

    proptest! {
        /// Whatever the range, ends are placed inside the axis and labels stay few and finite.
        #[test]
        fn every_range_gets_an_axis(a in -1e300..1e300_f64, exponent in -300..300_i32, share in 0.0..1.0_f64) {
            let low = a * 10_f64.powi(exponent.min(0));
            let high = low + share * 10_f64.powi(exponent);
            prop_assume!(is_drawable(low) && is_drawable(high));
            let axis = Axis::of_values(low, high, 5);
            prop_assert!(axis.place(low).is_some() && axis.place(high).is_some(), "{axis:?}");
            prop_assert!(axis.ticks.len() <= 101);
        }
    }
}
