//! The few operations that a tile needs, on registers of a processor's vectors or on arrays of four.

use pulp::Simd;

/// Registers full of `T`.
pub trait Registers<T>: Copy {
    /// One register.
    type Vector: Copy;
    /// How many registers there are.
    const COUNT: usize;
    /// `x` in every place.
    fn splat(self, x: T) -> Self::Vector;
    /// a·b.
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// a·b + c, fused where the processor can.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
}

/// Numbers in a register.
pub const fn lanes<T, R: Registers<T>>() -> usize {
    size_of::<R::Vector>() / size_of::<T>()
}

/// The vector registers of an instruction set.
#[derive(Clone, Copy)]
pub struct Vectors<S>(pub S);

/// Arrays of four, which compilers turn into the vectors that every processor of the kind has. Not fused: without the
/// instruction that is a call a number.
#[derive(Clone, Copy)]
pub struct Portable;

macro_rules! registers {
    ($number:ty, $vector:ident, $splat:ident, $mul:ident, $mul_add:ident) => {
        impl<S: Simd> Registers<$number> for Vectors<S> {
            type Vector = S::$vector;
            const COUNT: usize = S::REGISTER_COUNT;
            #[inline(always)]
            fn splat(self, x: $number) -> S::$vector {
                self.0.$splat(x)
            }
            #[inline(always)]
            fn mul(self, a: S::$vector, b: S::$vector) -> S::$vector {
                self.0.$mul(a, b)
            }
            #[inline(always)]
            fn mul_add(self, a: S::$vector, b: S::$vector, c: S::$vector) -> S::$vector {
                self.0.$mul_add(a, b, c)
            }
        }

        impl Registers<$number> for Portable {
            type Vector = [$number; 4];
            const COUNT: usize = 16;
            #[inline(always)]
            fn splat(self, x: $number) -> [$number; 4] {
                [x; 4]
            }
            #[inline(always)]
            fn mul(self, a: [$number; 4], b: [$number; 4]) -> [$number; 4] {
                std::array::from_fn(|i| a[i] * b[i])
            }
            #[inline(always)]
            fn mul_add(self, a: [$number; 4], b: [$number; 4], c: [$number; 4]) -> [$number; 4] {
                std::array::from_fn(|i| a[i] * b[i] + c[i])
            }
        }
    };
}

registers!(f32, f32s, splat_f32s, mul_f32s, mul_add_e_f32s);
registers!(f64, f64s, splat_f64s, mul_f64s, mul_add_e_f64s);
