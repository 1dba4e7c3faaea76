//! Versions of Aztec.

/// The line of a version: `4.1` of `4.1.2`, `v4.1.2`, `4.1.2-arm64` or `4.1`; `None` for what is no version.
pub(super) fn line_of(version: &str) -> Option<String> {
    let numbers = numbers(version)?;
    Some(format!("{}.{}", numbers[0], numbers[1]))
}

/// What versions are ordered by.
pub(super) fn order(version: &str) -> [u64; 2] {
    numbers(version).unwrap_or_default()
}

fn numbers(version: &str) -> Option<[u64; 2]> {
    let version = version.strip_prefix('v').unwrap_or(version);
    let plain = version.split_once('-').map_or(version, |(plain, _)| plain);
    let parts: Vec<&str> = plain.split('.').collect();
    let number = |part: &&str| {
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        digits && (1..=4).contains(&part.len()) && (part.len() == 1 || !part.starts_with('0'))
    };
    if !(2..=3).contains(&parts.len()) || !parts.iter().all(number) {
        return None;
    }
    Some([parts[0].parse().ok()?, parts[1].parse().ok()?])
}
