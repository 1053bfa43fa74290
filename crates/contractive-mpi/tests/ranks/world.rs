//! Jobs of several ranks, and what they leave.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// The program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_cae-mpi");

/// What any job may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// What tells the processes of one job from those of others.
const MARK: &str = "CONTRACTIVE_TEST_JOB";

/// A job to be started.
pub struct Job {
    command: Command,
    mark: String,
}

/// The `mpirun` to use.
pub fn mpirun() -> String {
    std::env::var("CONTRACTIVE_MPIRUN").unwrap_or_else(|_| "mpirun".into())
}

fn is_open_mpi(mpirun: &str) -> bool {
    let said = Command::new(mpirun).arg("--version").output().expect("mpirun is installed: see scripts/mpi.sh");
    let text = String::from_utf8_lossy(&said.stdout);
    text.contains("Open MPI") || text.contains("OpenRTE")
}

impl Job {
    /// `ranks` ranks in `folder`; without `mpirun`, where it is one.
    pub fn new(ranks: usize, folder: &Path, words: &str) -> Self {
        match ranks {
            1 => Job::of(Command::new(PROGRAM), folder, words),
            _ => Job::under(&mpirun(), ranks, folder, words),
        }
    }

    /// `ranks` processes of this `mpirun`.
    pub fn under(mpirun: &str, ranks: usize, folder: &Path, words: &str) -> Self {
        let mut command = Command::new(mpirun);
        if is_open_mpi(mpirun) {
            // Jobs of tests share the machine: ranks are not bound, and give way where they wait.
            command.args(["--allow-run-as-root", "--oversubscribe", "--bind-to", "none"]);
            command.args(["--mca", "mpi_yield_when_idle", "1"]);
        }
        command.args(["-n", &ranks.to_string(), PROGRAM]);
        Job::of(command, folder, words)
    }

    fn of(mut command: Command, folder: &Path, words: &str) -> Self {
        static JOBS: AtomicUsize = AtomicUsize::new(0);
        let mark = format!("{}-{}", std::process::id(), JOBS.fetch_add(1, Ordering::Relaxed));
        command.args(words.split_whitespace()).current_dir(folder).env(MARK, &mark);
        // A backtrace is of no use here, and takes seconds to be made.
        command.env("RUST_BACKTRACE", "0").stdin(Stdio::null());
        Job { command, mark }
    }

    /// With an environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it to its end, or ends it where ranks wait for each other.
    pub fn run(mut self) -> Output {
        let child = self.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let process = child.id();
        let (ended, end) = mpsc::channel::<()>();
        let watch = thread::spawn(move || {
            if end.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                Running::signal(process, "-TERM");
            }
        });
        let output = child.wait_with_output().unwrap();
        drop(ended);
        watch.join().unwrap();
        output
    }

    /// Runs it to its end, which must be a good one.
    pub fn done(self) {
        let shown = format!("{:?}", self.command);
        let output = self.run();
        assert!(output.status.success(), "{shown}: {}\n{}", output.status, said(&output));
    }

    /// Starts it.
    pub fn start(mut self) -> Running {
        let child = self.command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        Running { child, mark: self.mark }
    }
}

/// What a job said on standard error.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A job under way.
pub struct Running {
    child: Child,
    mark: String,
}

impl Running {
    /// The process of a rank, once it is there.
    pub fn rank(&self, rank: usize) -> u32 {
        let found = || self.ranks().into_iter().find(|(_, own)| *own == rank).map(|(process, _)| process);
        wait_for(Duration::from_secs(30), "a rank", found)
    }

    /// Processes of the job, with their ranks.
    pub fn ranks(&self) -> Vec<(u32, usize)> {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        processes
            .filter_map(|entry| {
                let process: u32 = entry.file_name().to_str()?.parse().ok()?;
                let is_ours = fs::read_link(entry.path().join("exe")).ok()? == Path::new(PROGRAM);
                let environment = fs::read(entry.path().join("environ")).ok().filter(|_| is_ours)?;
                let variable = |name: &str| {
                    let prefix = format!("{name}=");
                    let text = environment.split(|byte| *byte == 0).map(String::from_utf8_lossy);
                    text.into_iter().find_map(|line| line.strip_prefix(&prefix).map(str::to_owned))
                };
                if variable(MARK)? != self.mark {
                    return None;
                }
                let rank = variable("OMPI_COMM_WORLD_RANK").or_else(|| variable("PMI_RANK"));
                Some((process, rank.map_or(0, |rank| rank.parse().unwrap())))
            })
            .collect()
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Sends a signal to a process.
    pub fn signal(process: u32, signal: &str) {
        let sent = Command::new("kill").args([signal, &process.to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end, for `patience` at most; with what it said.
    pub fn end(mut self, patience: Duration) -> (ExitStatus, String) {
        let began = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            if began.elapsed() > patience {
                let _ = self.child.kill();
                panic!("the job goes on after {patience:?}");
            }
            thread::sleep(Duration::from_millis(20));
        }
        let output = self.child.wait_with_output().unwrap();
        (output.status, said(&output))
    }
}

/// What `look` finds, for which it looks again and again.
pub fn wait_for<T>(patience: Duration, what: &str, look: impl Fn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < patience, "{what} is not there after {patience:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A run directory.
pub struct Run(pub PathBuf);

impl Run {
    /// The epochs' numbers.
    pub fn metrics(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.0.join("metrics.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The bytes of the model's parameters.
    pub fn parameters(&self) -> Vec<u8> {
        fs::read(self.0.join("model/model.safetensors")).unwrap()
    }

    /// What is known of the model.
    pub fn model(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(self.0.join("model/config.json")).unwrap()).unwrap()
    }

    /// Every number of every epoch, but for times, with its name.
    pub fn numbers(&self) -> Vec<(String, f64)> {
        let mut all = Vec::new();
        for epoch in self.metrics() {
            let number = epoch["epoch"].to_string();
            for (name, value) in epoch.as_object().unwrap() {
                if name.contains("second") {
                    continue;
                }
                match value {
                    Value::Object(parts) => all
                        .extend(parts.iter().map(|(part, v)| (format!("{number} {name}.{part}"), v.as_f64().unwrap()))),
                    value => all.extend(value.as_f64().map(|v| (format!("{number} {name}"), v))),
                }
            }
        }
        all
    }

    /// The largest relative difference to the numbers of `other`.
    pub fn difference(&self, other: &Run) -> f64 {
        let (own, others) = (self.numbers(), other.numbers());
        assert_eq!(own.len(), others.len());
        assert!(!own.is_empty());
        let differences = own.iter().zip(&others).map(|((name, a), (same, b))| {
            assert_eq!(name, same);
            (a - b).abs() / a.abs().max(b.abs()).max(1e-12)
        });
        differences.fold(0.0, f64::max)
    }
}
