//! The machine's mounts: finding and removing those under a directory.

use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MntFlags, umount2};

use aznet_kit::files::{self, FileError};

/// One line of `/proc/self/mountinfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    /// Device number, the same for all mounts of one file system.
    pub(crate) device: String,
    /// What of the file system is mounted.
    pub(crate) root: PathBuf,
    /// Where.
    pub(crate) point: PathBuf,
    /// File system type.
    pub(crate) kind: String,
    /// Options of the file system, such as the controllers of a cgroup hierarchy.
    pub(crate) options: String,
}

/// All mounts this process sees, in the order they were made.
pub(crate) fn all() -> Result<Vec<Mount>, FileError> {
    let path = "/proc/self/mountinfo";
    let text = files::read(Path::new(path))?;
    Ok(text.lines().filter_map(parse).collect())
}

/// Mount points at or under `dir`, innermost and latest first.
pub(crate) fn under(dir: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut points: Vec<PathBuf> = all()?.into_iter().map(|mount| mount.point).collect();
    points.retain(|point| point.starts_with(dir));
    points.reverse();
    points.sort_by_key(|point| std::cmp::Reverse(point.components().count()));
    Ok(points)
}

/// Removes every mount at or under `dir`; what is still in use disappears when its last user ends.
///
/// A mount may hide another: `ip netns add` binds its directory over itself, with all that is mounted in it. So this
/// looks again until it finds none.
pub(crate) fn remove_under(dir: &Path) -> Result<(), FileError> {
    let mut left = under(dir)?;
    while !left.is_empty() {
        let before = left.len();
        for point in &left {
            match umount2(point, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW) {
                Ok(()) | Err(Errno::EINVAL | Errno::ENOENT) => {}
                Err(errno) => return Err(FileError::of("unmount", point)(errno.into())),
            }
        }
        left = under(dir)?;
        if let Some(point) = left.first().filter(|_| left.len() >= before) {
            return Err(FileError::of("unmount", point)(Errno::EBUSY.into()));
        }
    }
    Ok(())
}

fn parse(line: &str) -> Option<Mount> {
    let (left, right) = line.split_once(" - ")?;
    let mut left = left.split(' ').skip(2);
    let device = left.next()?.to_owned();
    let root = unescape(left.next()?);
    let point = unescape(left.next()?);
    let mut right = right.split(' ');
    let kind = right.next()?.to_owned();
    let options = right.nth(1)?.to_owned();
    Some(Mount {
        device,
        root,
        point,
        kind,
        options,
    })
}

/// mountinfo writes space, tab, newline and backslash as three octal digits.
fn unescape(text: &str) -> PathBuf {
    let escapes = [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ];
    let plain = escapes.iter().fold(text.to_owned(), |text, (code, plain)| {
        text.replace(code, plain)
    });
    PathBuf::from(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mountinfo_line_is_read_with_and_without_optional_fields() {
        let line = "36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue";
        let mount = parse(line).unwrap();
        assert_eq!(mount.point, Path::new("/mnt 2"));
        assert_eq!(mount.root, Path::new("/mnt1"));
        assert_eq!(
            (mount.kind.as_str(), mount.device.as_str()),
            ("ext3", "98:0")
        );
        let line = "31 23 0:28 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu";
        assert_eq!(parse(line).unwrap().options, "rw,cpu");
    }
}
