//! Whether the processes of a launch found each other.
//!
//! A program of one family of MPI that another family's `mpirun` starts makes as many worlds of one process as there are
//! processes: each would train by itself, and write to the same place. What the launcher tells its processes in the
//! environment gives it away.

use thiserror::Error;

/// Where launchers say how many processes they have started, and which of them this one is.
const LAUNCHERS: [Launcher; 4] = [
    Launcher { name: "OpenMPI's mpirun", size: Some("OMPI_COMM_WORLD_SIZE"), rank: "OMPI_COMM_WORLD_RANK" },
    Launcher { name: "MPICH's mpirun", size: Some("PMI_SIZE"), rank: "PMI_RANK" },
    Launcher { name: "MVAPICH's mpirun", size: Some("MV2_COMM_WORLD_SIZE"), rank: "MV2_COMM_WORLD_RANK" },
    Launcher { name: "a PMIx launcher", size: None, rank: "PMIX_RANK" },
];

/// Slurm's srun. Its variables go on to whatever a step starts, another family's `mpirun` among it: they count where no other
/// launcher speaks. `SLURM_NTASKS` does not count: a batch script has it before any process is started.
const SLURM: Launcher = Launcher { name: "srun", size: Some("SLURM_STEP_NUM_TASKS"), rank: "SLURM_PROCID" };

struct Launcher {
    name: &'static str,
    size: Option<&'static str>,
    rank: &'static str,
}

/// Why a launch is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LaunchError {
    /// The launcher started more or fewer processes than this one can reach.
    #[error(
        "{launcher} started {started} processes, and this one is in a world of {size}: the program was built for \
         {library}; start it with the `mpirun` of that family, or build it with the `mpicc` of this launcher (`$MPICC`)"
    )]
    OtherFamily {
        /// Who started the process.
        launcher: &'static str,
        /// How many it says there are, "several" where it tells a rank alone.
        started: String,
        /// Processes of the world.
        size: usize,
        /// The MPI library built with.
        library: String,
    },
    /// The library cannot be called from a program with threads.
    #[error("the MPI library must let a program have threads (MPI_THREAD_SERIALIZED); this one ({library}) does not")]
    Threads {
        /// The library.
        library: String,
    },
    /// MPI was started before.
    #[error("MPI is running already in this process")]
    Twice,
}

/// Refuses a world of `size` processes where a launcher says that it has started others, and none says `size`.
///
/// `variable` gives an environment variable; `library` is what the MPI library calls itself.
///
/// # Errors
/// [`LaunchError::OtherFamily`].
pub fn check(size: usize, library: &str, variable: impl Fn(&str) -> Option<String>) -> Result<(), LaunchError> {
    let number = |name: &str| variable(name)?.trim().parse::<usize>().ok();
    let claim = |launcher: &Launcher| {
        let (started, rank) = (launcher.size.and_then(number), number(launcher.rank));
        match (started, rank) {
            (Some(started), _) => Some((started == size, started.to_string())),
            // Ranks below the size say nothing.
            (None, Some(rank)) => (rank >= size).then(|| (false, "several".to_owned())),
            (None, None) => None,
        }
    };
    let mut claims: Vec<_> = LAUNCHERS.iter().filter_map(|one| Some((one.name, claim(one)?))).collect();
    if claims.is_empty() {
        claims.extend(claim(&SLURM).map(|claim| (SLURM.name, claim)));
    }
    if claims.iter().any(|(_, (agrees, _))| *agrees) {
        return Ok(());
    }
    match claims.into_iter().next() {
        None => Ok(()),
        Some((launcher, (_, started))) => {
            Err(LaunchError::OtherFamily { launcher, started, size, library: library.to_owned() })
        }
    }
}

/// Which of the started processes this one is, as its launcher says: a launch that is refused is so once, and not by each.
pub fn launched_rank(variable: impl Fn(&str) -> Option<String>) -> usize {
    let rank = |launcher: &Launcher| variable(launcher.rank)?.trim().parse().ok();
    LAUNCHERS.iter().chain([&SLURM]).find_map(rank).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_with(size: usize, variables: &[(&str, &str)]) -> Result<(), LaunchError> {
        check(size, "a library", |name| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn worlds_of_the_size_that_was_started_pass() {
        assert_eq!(check_with(1, &[]), Ok(()));
        assert_eq!(check_with(4, &[("OMPI_COMM_WORLD_SIZE", "4"), ("OMPI_COMM_WORLD_RANK", "3")]), Ok(()));
        assert_eq!(check_with(2, &[("PMI_SIZE", "2"), ("PMI_RANK", "1")]), Ok(()));
        assert_eq!(check_with(2, &[("PMIX_RANK", "1")]), Ok(()));
        // One launcher within another: the inner one counts.
        assert_eq!(check_with(2, &[("PMI_SIZE", "1"), ("PMI_RANK", "0"), ("OMPI_COMM_WORLD_SIZE", "2")]), Ok(()));
        // OpenMPI's daemons are Slurm's tasks, one a node.
        assert_eq!(check_with(8, &[("SLURM_STEP_NUM_TASKS", "2"), ("OMPI_COMM_WORLD_SIZE", "8")]), Ok(()));
        // A batch script that runs one process.
        assert_eq!(check_with(1, &[("SLURM_NTASKS", "16")]), Ok(()));
    }

    #[test]
    fn worlds_of_one_under_the_launcher_of_another_family_are_refused() {
        for variables in [
            &[("PMI_SIZE", "4"), ("PMI_RANK", "0")][..],
            &[("OMPI_COMM_WORLD_SIZE", "2")],
            &[("MV2_COMM_WORLD_SIZE", "3")],
            &[("PMIX_RANK", "1")],
            &[("SLURM_STEP_NUM_TASKS", "4")],
        ] {
            let error = check_with(1, variables).unwrap_err();
            assert!(matches!(error, LaunchError::OtherFamily { size: 1, .. }), "{variables:?}: {error}");
        }
        let error = check_with(1, &[("PMI_SIZE", "4")]).unwrap_err().to_string();
        assert!(error.starts_with("MPICH's mpirun started 4 processes, and this one is in a world of 1"), "{error}");
    }
}
