//! Which vector instructions the kernels use: the best that the processor has, unless the environment asks for less.
//!
//! `CONTRACTIVE_INSTRUCTIONS` takes `portable`, `avx2` or `avx512` (x86-64). It exists so that every path can be tested
//! on one machine, and so that two machines can be made to give the same bits. What the processor lacks is never used:
//! asked for more than it has, the best that it has is taken.

use std::sync::OnceLock;

use pulp::{Arch, Simd, WithSimd};

/// The environment variable that asks for less.
pub const VARIABLE: &str = "CONTRACTIVE_INSTRUCTIONS";

/// The instruction set in use, chosen once a process.
pub fn arch() -> Arch {
    static CHOSEN: OnceLock<Arch> = OnceLock::new();
    *CHOSEN.get_or_init(|| limited(std::env::var(VARIABLE).ok().as_deref()))
}

/// Runs `work` compiled for the instructions of `arch`. Its closure must be `#[inline(always)]`.
///
/// Not `Arch::dispatch` itself, which calls a closure by value: through a shim that the compiler may not inline, and then
/// compiles for the baseline instructions, four numbers at a time.
#[inline(always)]
pub fn vectorised<R>(arch: Arch, work: impl FnMut() -> R) -> R {
    struct Work<F>(F);
    impl<R, F: FnMut() -> R> WithSimd for Work<F> {
        type Output = R;
        #[inline(always)]
        fn with_simd<S: Simd>(mut self, _: S) -> R {
            (self.0)()
        }
    }
    arch.dispatch(Work(work))
}

/// Its name: `portable`, `avx2`, `avx512` or `neon`.
pub fn name() -> &'static str {
    name_of(arch())
}

/// The best instruction set that is no better than `most`.
fn limited(most: Option<&str>) -> Arch {
    match most {
        Some("portable") => Arch::Scalar,
        #[cfg(target_arch = "x86_64")]
        Some("avx2") => pulp::x86::V3::try_new().map_or(Arch::Scalar, Arch::V3),
        _ => Arch::new(),
    }
}

fn name_of(arch: Arch) -> &'static str {
    match arch {
        Arch::Scalar => "portable",
        #[cfg(target_arch = "x86_64")]
        Arch::V3(_) => "avx2",
        #[cfg(target_arch = "x86_64")]
        Arch::V4(_) => "avx512",
        #[cfg(target_arch = "aarch64")]
        _ => "neon",
        #[cfg(not(target_arch = "aarch64"))]
        _ => "another",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_can_be_asked_for_and_more_is_not_taken() {
        assert_eq!(name_of(limited(Some("portable"))), "portable");
        let best = name_of(Arch::new());
        assert_eq!(name_of(limited(None)), best);
        assert_eq!(name_of(limited(Some("avx512"))), best);
        assert!(["portable", "avx2", "neon"].contains(&name_of(limited(Some("avx2")))));
    }
}
