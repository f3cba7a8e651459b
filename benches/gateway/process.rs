//! Processes that the benchmark starts, and what Linux says of their CPU time and memory.
//!
//! It must leave nothing running: a process ends with the value that holds it.

#![expect(clippy::disallowed_methods, reason = "the benchmark may wait on its own thread")]

use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs, io,
    net::SocketAddr,
    process::{self, Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// `/proc` counts CPU time in hundredths of a second, whatever the kernel's own tick. It is exact up
/// to that rounding: a few percent in the shortest measurements, less in all others.
const TICK: Duration = Duration::from_millis(10);

/// How long a program may take to answer after its start, and to end after SIGTERM.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who runs where. Left to the scheduler, the load generator's many threads crowd out the target's
/// one, and figures differ by half from round to round.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    /// The target has cores of its own; the load generator and the mock share the others. For many
    /// connections, which keep the target busy.
    Apart,
    /// All on one core. For one connection, where only one of them has anything to do at a time:
    /// across cores, each hand-over would wake an idle core, which takes longer on a virtual machine
    /// than all that is to be measured.
    Together,
}

/// The cores that we may use, as `taskset` takes them.
pub(crate) struct Cores {
    ours: String,
    targets: String,
    shared: String,
}

impl Cores {
    /// The last `workers` cores are the targets'. None without `taskset` or a core to spare:
    /// everything is then left to the scheduler.
    pub(crate) fn divide(workers: usize) -> Option<Self> {
        let all = allowed_cores();
        let spare = all.len().checked_sub(workers)?;
        let (ours, targets) = all.split_at(spare);
        let shared = ours.first()?.clone();
        let cores = Self { ours: ours.join(","), targets: targets.join(","), shared };
        pin(process::id(), &cores.ours).then_some(cores)
    }

    /// Moves the load generator (this process), the mock and the target, which may be the mock.
    pub(crate) fn place(&self, place: Place, mock: &Process, target: &Process) {
        let (ours, targets) = match place {
            Place::Apart => (&self.ours, &self.targets),
            Place::Together => (&self.shared, &self.shared),
        };
        pin(process::id(), ours);
        pin_family(mock, ours);
        pin_family(target, targets);
    }

    /// For the reader of the figures.
    pub(crate) fn in_words(cores: Option<&Self>) -> String {
        match cores {
            None => "cores: left to the scheduler".to_owned(),
            Some(Self { ours, targets, shared }) => format!(
                "cores: one connection, everything on core {shared}; otherwise the target on \
                 {targets}, the load generator and (but for direct) the mock on {ours}"
            ),
        }
    }
}

fn pin_family(process: &Process, cores: &str) {
    for pid in process.family() {
        pin(pid, cores);
    }
}

/// All threads of a process; those that it starts later follow.
fn pin(pid: u32, cores: &str) -> bool {
    let mut taskset = Command::new("taskset");
    taskset.args(["-apc", cores, &pid.to_string()]).stdout(Stdio::null());
    taskset.status().is_ok_and(|status| status.success())
}

fn allowed_cores() -> Vec<String> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let list = value_of(&status, "Cpus_allowed_list:").unwrap_or_default().to_owned();
    let ranges = list.split(',').filter_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(first.trim().parse::<usize>().ok()?..=last.trim().parse().ok()?)
    });
    ranges.flatten().map(|core| core.to_string()).collect()
}

/// A running program with its direct children (nginx's workers).
pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// Starts a program.
    pub(crate) fn start(command: &mut Command) -> io::Result<Self> {
        Ok(Self { child: command.spawn()? })
    }

    /// The program's standard output, once.
    pub(crate) fn stdout(&mut self) -> Option<process::ChildStdout> {
        self.child.stdout.take()
    }

    /// Waits until `ready` says so; fails when the program ends first or takes too long.
    pub(crate) fn wait_until(&mut self, ready: impl Fn() -> bool) -> io::Result<()> {
        let start = Instant::now();
        while !ready() {
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!("ended at its start: {status}")));
            }
            if start.elapsed() > PATIENCE {
                return Err(io::Error::other("does not answer"));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// CPU time used so far.
    pub(crate) fn cpu_time(&self) -> Duration {
        self.family().into_iter().map(cpu_time).sum()
    }

    /// Most memory ever held, in KiB, since the last [`Process::forget_peak`].
    pub(crate) fn peak_kib(&self) -> u32 {
        let peak = |pid| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            let peak = value_of(&status, "VmHWM:").and_then(|peak| peak.strip_suffix(" kB"));
            peak.and_then(|peak| peak.trim().parse::<u32>().ok()).unwrap_or(0)
        };
        self.family().into_iter().map(peak).sum()
    }

    /// Starts the peak of memory anew. Where the kernel refuses, the peak is that since the start.
    pub(crate) fn forget_peak(&self) {
        for pid in self.family() {
            let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
        }
    }

    fn family(&self) -> Vec<u32> {
        let root = self.child.id();
        let children = fs::read_to_string(format!("/proc/{root}/task/{root}/children"));
        let children = children.unwrap_or_default();
        let children = children.split_whitespace().filter_map(|pid| pid.parse().ok());
        children.chain([root]).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let start = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && start.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// CPU time of this process, which is the load generator's.
pub(crate) fn own_cpu_time() -> Duration {
    cpu_time(process::id())
}

fn cpu_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The program's name stands in parentheses and may hold blanks; user and system time are the
    // twelfth and thirteenth field after it.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
    let ticks = fields.skip(11).take(2).filter_map(|field| field.parse::<u32>().ok()).sum();
    TICK * ticks
}

/// The whole machine's time, all programs together.
pub(crate) struct MachineTime {
    /// Time in which a core did something, or was withheld by the host.
    pub(crate) busy: Duration,
    /// All time of all cores.
    pub(crate) all: Duration,
}

impl MachineTime {
    /// Since the machine's start.
    pub(crate) fn now() -> Self {
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        let total = stat.lines().next().unwrap_or_default();
        // user, nice, system, idle, iowait, irq, softirq, steal; guests are part of user.
        let fields = total.split_whitespace().skip(1).take(8);
        let ticks = fields.filter_map(|field| field.parse::<u32>().ok()).collect::<Vec<_>>();
        let idle = ticks.iter().skip(3).take(2).sum::<u32>();
        let all = ticks.iter().sum::<u32>();
        Self { busy: TICK * (all - idle), all: TICK * all }
    }
}

/// An address where nobody listens, for a program that is told where to.
pub(crate) fn free_address() -> io::Result<SocketAddr> {
    std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()
}

/// The machine in one line.
pub(crate) fn machine() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let model = model.trim_start_matches([' ', '\t', ':']);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    let cores = allowed_cores().len();
    format!("{cores} cores, {model}, Linux {}, load before the run {load}", kernel.trim())
}

fn value_of<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}
