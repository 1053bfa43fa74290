//! Which penalty is trained where none is named: exact where that is cheap, else an unbiased estimate.
//!
//! A probe v gives ‖vᵀJ‖², whose mean over v is ‖J‖²_F. Its noise adds to that of the batches, which is far larger: training
//! reaches the same objective in as many steps (docs/performance.md has the measurement), and each costs about two plain
//! ones, however wide the code is.

use contractive_core::order::relative_cost;
use contractive_core::penalty::ProbeDistribution;
use contractive_core::{Architecture, Penalty};

/// The exact penalty is taken where it adds at most so many times the work of a plain step, by counts.
pub const CHEAP: f64 = 8.0;

/// The estimate taken where it adds more.
const ESTIMATE: Penalty = Penalty::Projection { probes: 1, distribution: ProbeDistribution::Rademacher };

/// The penalty for batches of `batch` rows, and why.
pub(super) fn choose(architecture: &Architecture, batch: usize) -> (Penalty, String) {
    let cost = |penalty| relative_cost(penalty, architecture, batch).unwrap_or(0.0);
    let (exact, estimate) = (cost(Penalty::Jacobian), cost(ESTIMATE));
    let adds = |cost: f64| format!("{cost:.1} times the work of a plain step");
    if exact <= CHEAP {
        return (Penalty::Jacobian, format!("exact, since it adds {}, at most {CHEAP}", adds(exact)));
    }
    let reason = format!("a probe a row adds {}, the exact penalty {}, more than {CHEAP}", adds(estimate), adds(exact));
    (ESTIMATE, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use contractive_core::Activation;

    #[test]
    fn narrow_codes_are_exact_and_wide_ones_estimated() {
        let net = |d, hidden: &[usize]| {
            let phi = Activation::Sigmoid;
            Architecture::mirrored(d, hidden, phi, phi, Activation::Identity, false)
        };
        for (d, hidden) in
            [(784, &[64, 32, 16][..]), (784, &[1000]), (30, &[64, 16]), (10, &[64, 16]), (784, &[256, 64])]
        {
            let (penalty, reason) = choose(&net(d, hidden), 128);
            assert_eq!(penalty, Penalty::Jacobian, "{d} {hidden:?}: {reason}");
        }
        for hidden in [&[1024, 512, 128][..], &[512, 256, 64]] {
            let (penalty, reason) = choose(&net(784, hidden), 128);
            assert!(matches!(penalty, Penalty::Projection { .. }), "{hidden:?}");
            assert!(reason.contains("more than 8") && reason.contains("a probe a row adds 0."), "{reason}");
        }
    }
}
