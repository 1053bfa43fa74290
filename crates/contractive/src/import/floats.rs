//! Numbers of other types as 32-bit floats.

use safetensors::tensor::Dtype;

/// A number that 32 bits do not hold, with its position.
pub(super) struct Unfit {
    pub(super) index: usize,
    pub(super) value: f64,
}

/// Whether numbers of this type are read.
pub(super) fn is_read(dtype: Dtype) -> bool {
    matches!(dtype, Dtype::F32 | Dtype::F64 | Dtype::F16 | Dtype::BF16)
}

/// The numbers of `bytes`, of a type that [`is_read`]; the first that is not finite in 32 bits is refused.
pub(super) fn singles(dtype: Dtype, bytes: &[u8]) -> Result<Vec<f32>, Unfit> {
    let mut values = Vec::with_capacity(bytes.len() * 8 / dtype.bitsize().max(8));
    match dtype {
        Dtype::F64 => {
            for (index, b) in bytes.as_chunks::<8>().0.iter().enumerate() {
                let value = f64::from_le_bytes(*b);
                // Rounded to the nearest; what is too large becomes infinite, and is refused.
                let narrow = value as f32;
                if !narrow.is_finite() {
                    return Err(Unfit { index, value });
                }
                values.push(narrow);
            }
            return Ok(values);
        }
        Dtype::F16 => values.extend(bytes.as_chunks::<2>().0.iter().map(|b| of_half(u16::from_le_bytes(*b)))),
        Dtype::BF16 => {
            let of_brain = |b: &[u8; 2]| f32::from_bits(u32::from(u16::from_le_bytes(*b)) << 16);
            values.extend(bytes.as_chunks::<2>().0.iter().map(of_brain));
        }
        _ => values.extend(bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b))),
    }
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(values),
        Some(index) => Err(Unfit { index, value: f64::from(values[index]) }),
    }
}

/// A number of 16 bits (IEEE 754 binary16): 1 sign, 5 exponent, 10 fraction. Every one is exact in 32 bits.
fn of_half(bits: u16) -> f32 {
    let (sign, exponent, fraction) = (bits >> 15, (bits >> 10) & 31, bits & 1023);
    let magnitude = match (exponent, fraction) {
        (0, fraction) => f32::from(fraction) * 2.0_f32.powi(-24),
        (31, 0) => f32::INFINITY,
        (31, _) => f32::NAN,
        (exponent, fraction) => (1.0 + f32::from(fraction) / 1024.0) * 2.0_f32.powi(i32::from(exponent) - 15),
    };
    if sign == 1 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_what_the_standard_says() {
        for (bits, value) in [
            (0x0000, 0.0),
            (0x0001, 5.960_464_5e-8),
            (0x03ff, 6.097_555e-5),
            (0x0400, 6.103_515_6e-5),
            (0x3555, 0.333_251_95),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x7c00, f32::INFINITY),
            (0xfc00, f32::NEG_INFINITY),
        ] {
            assert_eq!(of_half(bits), value, "{bits:#06x}");
        }
        assert!(of_half(0x7e00).is_nan() && of_half(0x8000).to_bits() == (-0.0_f32).to_bits());
        // They ascend with their bits, so that none is skipped or doubled.
        assert!((0..0x7c00).all(|bits| of_half(bits) < of_half(bits + 1)));
    }

    #[test]
    fn what_32_bits_do_not_hold_is_refused_by_its_place() {
        let wide = |values: &[f64]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        assert_eq!(singles(Dtype::F64, &wide(&[0.1, -3.0])).ok(), Some(vec![0.1, -3.0]));
        for bad in [1e39, f64::NAN, f64::INFINITY] {
            assert!(matches!(singles(Dtype::F64, &wide(&[1.0, bad])), Err(Unfit { index: 1, .. })));
        }
        assert!(matches!(singles(Dtype::F16, &[0, 0x3c, 0, 0x7c]), Err(Unfit { index: 1, .. })));
        assert_eq!(singles(Dtype::BF16, &[0x80, 0x3f, 0x40, 0xc0]).ok(), Some(vec![1.0, -3.0]));
        assert!(!is_read(Dtype::I64) && is_read(Dtype::F16));
    }
}
