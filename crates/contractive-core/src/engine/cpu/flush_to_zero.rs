//! Flush-to-zero: subnormal numbers cost a hundred cycles an operation, and none of ours matters.
#![allow(unsafe_code)] // one control register, set and restored

use std::marker::PhantomData;

/// While it lives, this thread's f32 and f64 arithmetic rounds subnormal numbers to zero (x86 only; Miri knows no assembly).
///
/// Adam's means of squares sink into the subnormal range, where each operation costs a hundred cycles. The language
/// assumes the default floating-point mode, so the compiler may fold a constant expression with subnormals as if the mode
/// were off: such a result can differ in a number below 1e-38, never in memory safety. Nothing in the kernels folds one.
pub struct FlushToZero {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    before: u32,
    /// Of this thread alone: dropped on another, it would set that one's mode.
    _thread: PhantomData<*const ()>,
}

/// Flush-to-zero and denormals-are-zero in the MXCSR register.
#[cfg(all(target_arch = "x86_64", not(miri)))]
const FTZ_AND_DAZ: u32 = 0x8040;

#[cfg(all(target_arch = "x86_64", not(miri)))]
impl FlushToZero {
    /// Sets the mode; dropping the value restores what was there.
    pub fn begin() -> Self {
        let mut before = 0_u32;
        // SAFETY: stmxcsr writes four bytes to a live u32 and changes nothing else.
        unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut before, options(nostack)) };
        set_mxcsr(before | FTZ_AND_DAZ);
        FlushToZero { before, _thread: PhantomData }
    }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
impl Drop for FlushToZero {
    fn drop(&mut self) {
        set_mxcsr(self.before);
    }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
fn set_mxcsr(value: u32) {
    // SAFETY: ldmxcsr reads four bytes from a live u32. The value is the register's own with two defined bits set, so no
    // reserved bit is raised and rounding and exception masks stay as they were.
    unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const value, options(nostack, readonly)) };
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
impl FlushToZero {
    /// Does nothing on this processor.
    pub fn begin() -> Self {
        FlushToZero { _thread: PhantomData }
    }
}

#[cfg(all(test, target_arch = "x86_64", not(miri)))]
mod tests {
    use super::*;

    #[test]
    fn subnormals_vanish_inside_and_return_outside() {
        let half = |x: f32| std::hint::black_box(x) * std::hint::black_box(0.5);
        {
            let _guard = FlushToZero::begin();
            assert_eq!(half(f32::MIN_POSITIVE), 0.0);
        }
        assert!(half(f32::MIN_POSITIVE) > 0.0);
    }
}
