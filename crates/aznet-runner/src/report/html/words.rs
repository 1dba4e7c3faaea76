//! Numbers in words.

use std::time::Duration;

use jiff::Timestamp;

/// `1:02:03`, `2:03`, `0:03.5`; tenths below a minute.
pub(super) fn clock(time: Duration) -> String {
    let tenths = (time.as_millis() + 50) / 100;
    let seconds = tenths / 10;
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{rest:02}")
    } else if minutes > 0 {
        format!("{minutes}:{rest:02}")
    } else {
        format!("0:{rest:02}.{}", tenths % 10)
    }
}

/// `2 h 4 min`, `12 min 8 s`, `8.4 s`.
pub(super) fn long(time: Duration) -> String {
    let tenths = (time.as_millis() + 50) / 100;
    let seconds = tenths / 10;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}.{} s", tenths % 10),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// Seconds as in tables: `12.3`.
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64())
}

/// `2026-11-26 07:27:11 UTC`.
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// How long after `start`: `+2:03`.
pub(super) fn since(start: Timestamp, at: Timestamp) -> String {
    let time = Duration::try_from(at.duration_since(start)).unwrap_or_default();
    format!("+{}", clock(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_at_a_glance() {
        let words = |millis| {
            let time = Duration::from_millis(millis);
            format!("{} | {}", clock(time), long(time))
        };
        assert_eq!(words(3_460), "0:03.5 | 3.5 s");
        assert_eq!(words(59_960), "1:00 | 1 min 0 s");
        assert_eq!(words(728_000), "12:08 | 12 min 8 s");
        assert_eq!(words(7_440_000), "2:04:00 | 2 h 4 min");
    }
}
