//! Versions of Aztec.

/// The line of a version: `4.1` of `4.1.2`, `v4.1.2` or `4.1.2-arm64`; `None` for what is no version.
pub(super) fn line_of(version: &str) -> Option<String> {
    let numbers = numbers(version)?;
    Some(format!("{}.{}", numbers[0], numbers[1]))
}

/// What versions are ordered by.
pub(super) fn order(version: &str) -> [u64; 2] {
    let numbers = numbers(version);
    numbers.map_or([0; 2], |numbers| [numbers[0], numbers[1]])
}

fn numbers(version: &str) -> Option<[u64; 3]> {
    let version = version.strip_prefix('v').unwrap_or(version);
    let plain = version.split_once('-').map_or(version, |(plain, _)| plain);
    let parts: Vec<&str> = plain.split('.').collect();
    let number = |part: &&str| {
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        digits && (1..=4).contains(&part.len()) && (part.len() == 1 || !part.starts_with('0'))
    };
    if parts.len() != 3 || !parts.iter().all(number) {
        return None;
    }
    let mut numbers = [0; 3];
    for (number, part) in numbers.iter_mut().zip(parts) {
        *number = part.parse().ok()?;
    }
    Some(numbers)
}
