//! Prefetch: asks for memory ahead of its use, where the processor cannot foresee what is read next.
#![allow(unsafe_code)] // one instruction, a hint that cannot fault

/// Bytes of a cache line.
pub(crate) const LINE: usize = 64;

/// Asks for `numbers` ahead of their use: worth it for short rows that lie far apart, where the processor does not see
/// where reading will go on.
#[inline(always)]
pub fn fetch_ahead<T>(numbers: &[T]) {
    for line in numbers.iter().step_by((LINE / size_of::<T>().max(1)).max(1)) {
        fetch(line);
    }
}

/// Asks the second-level cache for the line at `place`, which need not exist.
#[inline(always)]
pub(crate) fn fetch<T>(place: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch is a hint: it reads nothing and does not fault, whatever the address. Every x86-64 has it.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T1 }>(place.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

/// Asks the first-level cache for the line at `place`, which need not exist.
#[inline(always)]
pub(crate) fn fetch_near<T>(place: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: as in `fetch`.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(place.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_and_any_place_can_be_asked_for() {
        fetch_ahead::<f32>(&[]);
        fetch_ahead(&[1.0_f64; 100]);
        fetch_ahead(&[[1.0_f64; 100]; 3]);
        fetch_ahead(&[(); 3]);
        fetch(std::ptr::null::<u8>());
    }
}
