//! What the container uses, by its cgroup of either version.

use std::fs;
use std::time::{Duration, Instant};

use aznet_kit::wait::{self, Deadline, Look};
use aznet_model::probe::Usage;

use super::error::ProbeError;

const PROCESSORS: [&str; 3] = [
    "/sys/fs/cgroup/cpu.stat",
    "/sys/fs/cgroup/cpuacct/cpuacct.usage",
    "/sys/fs/cgroup/cpu,cpuacct/cpuacct.usage",
];
const MEMORY: [&str; 2] = [
    "/sys/fs/cgroup/memory.stat",
    "/sys/fs/cgroup/memory/memory.stat",
];
const MACHINE: [&str; 1] = ["/proc/meminfo"];

/// Looks at the processors for that long.
pub(super) fn during(time: Duration) -> Result<Usage, ProbeError> {
    let (begun, before) = (Instant::now(), processor_time()?);
    let deadline = Deadline::after(2 * time).every(time);
    wait::until_blocking::<_, ProbeError>("the figures to move on", deadline, |passed| {
        Ok(if passed < time {
            Look::pending("too soon")
        } else {
            Look::Done(())
        })
    })?;
    let passed = begun.elapsed().as_micros().max(1);
    let used = processor_time()?.saturating_sub(before).as_micros();
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Ok(Usage {
        millicores: u64::try_from(used * 1000 / passed).unwrap_or(u64::MAX),
        memory: first("memory", &MEMORY, memory)?,
        machine_memory: first("the machine's memory", &MACHINE, machine)?,
        processors: processors as u64,
    })
}

fn processor_time() -> Result<Duration, ProbeError> {
    first("processors", &PROCESSORS, time)
}

fn first<T>(
    what: &'static str,
    places: &'static [&'static str],
    read: fn(&str) -> Option<T>,
) -> Result<T, ProbeError> {
    let mut texts = places
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok());
    texts
        .find_map(|text| read(&text))
        .ok_or(ProbeError::NoFigures { what, places })
}

/// Of version 2 a table in microseconds, of version 1 nanoseconds alone.
fn time(text: &str) -> Option<Duration> {
    let micros = value(text, "usage_usec").map(Duration::from_micros);
    micros.or_else(|| text.trim().parse().ok().map(Duration::from_nanos))
}

/// Of version 2, and of version 1.
fn memory(text: &str) -> Option<u64> {
    value(text, "anon").or_else(|| value(text, "total_rss"))
}

fn machine(text: &str) -> Option<u64> {
    value(text, "MemTotal:").map(|kilobytes| kilobytes * 1024)
}

fn value(table: &str, key: &str) -> Option<u64> {
    table.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some(key)).then(|| words.next()?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_both_versions_of_cgroups_are_read() {
        let second = Duration::from_secs(1);
        assert_eq!(time("usage_usec 1000000\nuser_usec 3\n"), Some(second));
        assert_eq!(time("1000000000\n"), Some(second));
        assert_eq!(memory("anon 7\nfile 9\n"), Some(7));
        assert_eq!(memory("cache 9\nrss 5\ntotal_rss 7\n"), Some(7));
        assert_eq!(machine("MemTotal:       2 kB\n"), Some(2048));
        assert_eq!(memory("nothing"), None);
    }
}
