//! Durations in words.

use std::fmt;
use std::time::Duration;

/// A duration as people say it: `0.4s`, `12s`, `3m 05s`, `1h 02m`, `2d 07h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seconds(pub Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = self.0.as_secs();
        let words = match secs {
            0 if self.0.is_zero() => "0s".to_owned(),
            0 => format!("{:.1}s", self.0.as_secs_f64()),
            1..60 => format!("{secs}s"),
            60..3600 => format!("{}m {:02}s", secs / 60, secs % 60),
            3600..172_800 => format!("{}h {:02}m", secs / 3600, secs % 3600 / 60),
            _ => format!("{}d {:02}h", secs / 86_400, secs % 86_400 / 3600),
        };
        f.pad(&words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        let say = |ms| Seconds(Duration::from_millis(ms)).to_string();
        assert_eq!(
            [
                say(0),
                say(400),
                say(12_900),
                say(185_000),
                say(3_720_000),
                say(200_000_000)
            ],
            ["0s", "0.4s", "12s", "3m 05s", "1h 02m", "2d 07h"]
        );
    }
}
