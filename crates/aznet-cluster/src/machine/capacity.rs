//! What this machine has to give: the smaller of what it has and of what the cgroups of this process leave of it.

use std::fs;
use std::path::{Path, PathBuf};

use aznet_kit::files::{self, FileError};

use super::mounts::{self, Mount};

/// An amount, and what sets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amount {
    /// Bytes of memory, or thousandths of a core.
    pub value: u64,
    /// The cgroup whose limit it is; `None`: all that the machine has.
    pub cgroup: Option<PathBuf>,
}

/// What can be counted on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capacity {
    /// Bytes of memory that are available now.
    pub memory: Amount,
    /// Processor time, in thousandths of a core.
    pub cpu: Amount,
}

/// Looks at this machine and at the cgroups of this process.
///
/// # Errors
/// When the kernel does not say what the machine has.
pub fn capacity() -> Result<Capacity, FileError> {
    let meminfo = Path::new("/proc/meminfo");
    let available = kibibytes(&files::read(meminfo)?, "MemAvailable").unwrap_or(0) * 1024;
    let own = files::read(Path::new("/proc/self/cgroup"))?;
    let mounts = mounts::all()?;
    Ok(Capacity {
        memory: smallest(available, &groups(&mounts, &own, "memory"), memory_left),
        cpu: smallest(cores() * 1000, &groups(&mounts, &own, "cpu"), cpu_quota),
    })
}

/// A line of /proc/meminfo.
fn kibibytes(text: &str, name: &str) -> Option<u64> {
    text.lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .find_map(|rest| rest.split_whitespace().next()?.parse().ok())
}

/// The cores that this process may run on.
fn cores() -> u64 {
    let this = nix::unistd::Pid::from_raw(0);
    let Ok(set) = nix::sched::sched_getaffinity(this) else {
        return 1;
    };
    let cores = (0..nix::sched::CpuSet::count()).filter(|core| set.is_set(*core) == Ok(true));
    cores.count().try_into().unwrap_or(u64::MAX)
}

fn smallest(machine: u64, groups: &[PathBuf], limit: fn(&Path) -> Option<u64>) -> Amount {
    let all = Amount {
        value: machine,
        cgroup: None,
    };
    let limited = groups.iter().filter_map(|group| {
        Some(Amount {
            value: limit(group)?,
            cgroup: Some(group.clone()),
        })
    });
    limited.fold(all, |least, next| {
        if next.value < least.value {
            next
        } else {
            least
        }
    })
}

/// The folders of the cgroups that this process is in by a controller, the outermost first: each may set a limit.
fn groups(mounts: &[Mount], own: &str, controller: &str) -> Vec<PathBuf> {
    let has = |list: &str| list.split(',').any(|one| one == controller);
    let mut found = Vec::new();
    for mount in mounts {
        let mine = own.lines().find_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            let (controllers, path) = (fields.next()?, fields.next()?);
            let fits = match mount.kind.as_str() {
                "cgroup" => has(&mount.options) && has(controllers),
                "cgroup2" => controllers.is_empty(),
                _ => false,
            };
            fits.then(|| PathBuf::from(path))
        });
        let Some(path) = mine else { continue };
        // What is mounted may be a part of the hierarchy only, as in a container.
        let inner = path.strip_prefix(&mount.root).unwrap_or(Path::new(""));
        let mut folder = mount.point.clone();
        found.push(folder.clone());
        for part in inner {
            folder.push(part);
            found.push(folder.clone());
        }
    }
    found
}

/// What the cgroup may still take: its limit, less what it uses and could not give back.
fn memory_left(group: &Path) -> Option<u64> {
    let v2 = number(group, "memory.max");
    let limit = v2.or_else(|| number(group, "memory.limit_in_bytes"))?;
    let used = number(group, "memory.current").or_else(|| number(group, "memory.usage_in_bytes"));
    let stat = fs::read_to_string(group.join("memory.stat")).unwrap_or_default();
    let line = |name: &str| {
        stat.lines()
            .find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok())
    };
    let cached = line("total_inactive_file ").or_else(|| line("inactive_file "));
    let firm = used.unwrap_or(0).saturating_sub(cached.unwrap_or(0));
    Some(limit.saturating_sub(firm))
}

/// The cgroup's share of processor time.
fn cpu_quota(group: &Path) -> Option<u64> {
    let v2 = fs::read_to_string(group.join("cpu.max")).ok();
    let (quota, period) = match v2 {
        Some(text) => {
            let mut words = text.split_whitespace().map(str::parse::<u64>);
            (words.next()?.ok()?, words.next()?.ok()?)
        }
        None => (
            number(group, "cpu.cfs_quota_us")?,
            number(group, "cpu.cfs_period_us")?,
        ),
    };
    (quota * 1000).checked_div(period)
}

/// A number in a file of a cgroup; `None` where it says that there is no limit: `max`, `-1`.
fn number(group: &Path, file: &str) -> Option<u64> {
    let text = fs::read_to_string(group.join(file)).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(point: &Path, kind: &str, root: &str, options: &str) -> Mount {
        Mount {
            device: "0:1".into(),
            root: root.into(),
            point: point.to_owned(),
            kind: kind.into(),
            options: options.into(),
        }
    }

    fn put(dir: &Path, files: &[(&str, &str)]) {
        fs::create_dir_all(dir).unwrap();
        for (name, text) in files {
            fs::write(dir.join(name), text).unwrap();
        }
    }

    #[test]
    fn c12_the_smallest_memory_limit_of_v1_counts() {
        let dir = tempfile::tempdir().unwrap();
        let none = "9223372036854771712\n";
        put(dir.path(), &[("memory.limit_in_bytes", none)]);
        let files = [
            ("memory.limit_in_bytes", "4000\n"),
            ("memory.usage_in_bytes", "1000\n"),
            ("memory.stat", "inactive_file 1\ntotal_inactive_file 400\n"),
        ];
        put(&dir.path().join("ci"), &files);
        let mounts = [mount(dir.path(), "cgroup", "/", "rw,memory")];
        let own = "7:cpu,cpuacct:/other\n5:memory:/ci\n0::/x\n";
        let groups = groups(&mounts, own, "memory");
        let amount = smallest(10_000, &groups, memory_left);
        assert_eq!(amount.value, 3400);
        assert_eq!(amount.cgroup, Some(dir.path().join("ci")));
        assert_eq!(smallest(100, &groups, memory_left).cgroup, None);
    }

    #[test]
    fn c12_the_limits_of_v2_count_in_a_container_that_sees_a_part_of_the_hierarchy() {
        let dir = tempfile::tempdir().unwrap();
        let files = [
            ("memory.max", "max\n"),
            ("memory.current", "70\n"),
            ("cpu.max", "150000 100000\n"),
        ];
        put(dir.path(), &files);
        put(&dir.path().join("in"), &[("memory.max", "1000\n")]);
        put(&dir.path().join("in"), &[("cpu.max", "max 100000\n")]);
        let mounts = [mount(dir.path(), "cgroup2", "/docker/1", "rw")];
        let groups = groups(&mounts, "0::/docker/1/in\n", "memory");
        assert_eq!(smallest(5000, &groups, memory_left).value, 1000);
        let cpu = smallest(8000, &groups, cpu_quota);
        assert_eq!((cpu.value, cpu.cgroup), (1500, Some(dir.path().to_owned())));
    }

    #[test]
    fn c12_the_processor_quota_of_v1_counts() {
        let dir = tempfile::tempdir().unwrap();
        let unlimited = [
            ("cpu.cfs_quota_us", "-1\n"),
            ("cpu.cfs_period_us", "100000\n"),
        ];
        put(dir.path(), &unlimited);
        assert_eq!(cpu_quota(dir.path()), None);
        put(dir.path(), &[("cpu.cfs_quota_us", "250000\n")]);
        assert_eq!(cpu_quota(dir.path()), Some(2500));
    }

    #[test]
    fn available_memory_is_read_as_linux_writes_it() {
        let text = "MemTotal: 24000000 kB\nMemAvailable:   16000000 kB\nSwapTotal: 0 kB\n";
        assert_eq!(kibibytes(text, "MemAvailable"), Some(16_000_000));
        assert_eq!(kibibytes(text, "Mem"), None);
    }

    #[test]
    fn this_machine_has_something_to_give() {
        let capacity = capacity().unwrap();
        assert!(capacity.memory.value > 0);
        assert!(capacity.cpu.value > 0);
    }
}
