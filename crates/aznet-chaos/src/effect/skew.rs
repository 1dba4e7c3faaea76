//! Clocks that are wrong.

use aznet_model::chaos::ClockFault;
use aznet_model::probe::Clock;

use crate::verdict::Verdict;

/// What serves HTTP tells the time in whole seconds, and a busy machine takes another to ask.
const SLACK: i64 = 2_500;
/// A smaller offset could not be told from none.
const LEAST: i64 = 2 * SLACK;

/// By how many milliseconds a clock is ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Skew(i64);

impl Skew {
    /// What a fault is to show; none of what is not seen by it.
    pub(super) fn of(fault: &ClockFault) -> Option<Self> {
        let millis = fault.offset_millis();
        (millis.abs() >= LEAST).then_some(Self(millis))
    }

    pub(super) fn asked(self) -> String {
        format!("its clock {}", off(self.0))
    }

    pub(crate) fn bites(self, before: Clock, now: Clock) -> Verdict {
        let more = now.offset_millis - before.offset_millis;
        near(more, self.0, off(now.offset_millis))
    }

    pub(crate) fn healed(before: Clock, now: Clock) -> Verdict {
        near(
            now.offset_millis,
            before.offset_millis,
            off(now.offset_millis),
        )
    }
}

fn near(seen: i64, wanted: i64, words: String) -> Verdict {
    if (seen - wanted).abs() <= SLACK {
        Ok(words)
    } else {
        Err(words)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "for people: tenths of a second are told"
)]
fn off(millis: i64) -> String {
    let (seconds, way) = (
        millis.abs() as f64 / 1000.0,
        if millis < 0 { "behind" } else { "ahead" },
    );
    format!("{seconds:.1} s {way}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skew(offset: &str) -> Option<Skew> {
        let fault = serde_json::json!({"offset": offset});
        Skew::of(&serde_json::from_value(fault).expect("a fault"))
    }

    #[test]
    fn a_clock_is_wrong_by_what_was_asked_for_or_the_fault_does_not_bite() {
        let at = |offset_millis| Clock { offset_millis };
        let back = skew("-10m").expect("it can be seen");
        assert_eq!(back.asked(), "its clock 600.0 s behind");
        assert_eq!(
            back.bites(at(200), at(-599_400)).as_deref(),
            Ok("599.4 s behind")
        );
        assert!(back.bites(at(200), at(200)).is_err());
        assert!(back.bites(at(200), at(600_000)).is_err(), "the other way");
        assert!(Skew::healed(at(200), at(-599_400)).is_err());
        assert!(Skew::healed(at(200), at(-300)).is_ok());
        assert!(skew("1m30s").is_some_and(|ahead| ahead.bites(at(0), at(90_400)).is_ok()));
        assert_eq!(skew("2s"), None, "a second more or less is chance");
    }
}
