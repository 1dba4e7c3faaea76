//! Space on disks.

use std::fs;
use std::path::Path;

use aznet_kit::files::FileError;

/// Bytes free for us where `path` is or will be.
pub(crate) fn free_bytes(path: &Path) -> Result<u64, FileError> {
    let there = path
        .ancestors()
        .find(|dir| dir.exists())
        .unwrap_or(Path::new("/"));
    let stat = nix::sys::statvfs::statvfs(there)
        .map_err(|errno| FileError::of("measure the space at", there)(errno.into()))?;
    // The field types differ between platforms.
    #[expect(clippy::useless_conversion, reason = "u32 on some targets")]
    let free = u64::from(stat.blocks_available()) * u64::from(stat.fragment_size());
    Ok(free)
}

/// Bytes taken by a file, or by a folder and all in it; what cannot be read counts nothing.
pub(crate) fn size(path: &Path) -> u64 {
    let Ok(meta) = fs::symlink_metadata(path) else {
        return 0;
    };
    if !meta.is_dir() {
        return meta.len();
    }
    fs::read_dir(path).map_or(0, |entries| {
        entries.flatten().map(|entry| size(&entry.path())).sum()
    })
}

/// Bytes for people: `1.5 GiB`, `23 MiB`.
pub(crate) fn human(bytes: u64) -> String {
    const MIB: u64 = 1 << 20;
    if bytes >= 1024 * MIB {
        let tenths = bytes * 10 / (1024 * MIB);
        format!("{}.{} GiB", tenths / 10, tenths % 10)
    } else {
        format!("{} MiB", bytes / MIB)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        assert_eq!(human(23 << 20), "23 MiB");
        assert_eq!(human((1 << 30) + (1 << 29)), "1.5 GiB");
    }
}
