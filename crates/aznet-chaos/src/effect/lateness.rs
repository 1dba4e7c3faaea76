//! Faults that show in how soon, and whether, others answer.

use std::time::Duration;

use aznet_model::chaos::{Direction, NetworkFault, Pods};
use aznet_model::emulation::Impairment;
use aznet_model::probe::Attempt;

use crate::verdict::Verdict;

/// After how long a first packet that was lost is sent again (RFC 6298).
const AGAIN: Duration = Duration::from_secs(1);
/// What a busy machine may add.
const SLACK: Duration = Duration::from_millis(250);

/// Connections that are tried: a loss of one in ten shows in them.
const TRIES: usize = 60;
/// Losses that are to be among them, so that hardly ever there is none.
const LOSSES: f64 = 8.0;
/// More at once would be load.
const MOST_TRIES: usize = 400;
/// A smaller loss, in percent, shows too rarely in so many.
const LEAST_LOSS: f64 = 1.0;

/// Packets that are late or lost.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lateness {
    delay: Duration,
    jitter: Duration,
    /// Percent of connections whose first packet, or the answer to it, is lost.
    lost: f64,
    /// The pods at the other end; everyone where none are named.
    pub(crate) target: Option<Pods>,
}

/// How connections of a pod were answered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Answers {
    /// How many were tried.
    tried: usize,
    /// How many were answered late enough for a packet to have been lost, or not at all.
    lost: usize,
    /// The time that a tenth of the others took at most: a busy machine makes these late least.
    early: Duration,
    /// The time that half of them took at most.
    median: Duration,
    /// By how much the slowest tenth of them is later than the fastest.
    spread: Duration,
}

impl Lateness {
    /// What a fault is to show; none of what is not seen by it.
    pub(super) fn of(fault: &NetworkFault) -> Option<Self> {
        let Impairment { loss, corrupt, .. } = fault.impairment();
        // There and back.
        let ways = if fault.direction == Some(Direction::Both) {
            2
        } else {
            1
        };
        let kept = 1.0 - (loss + corrupt) / 100.0;
        if loss + corrupt > 0.0 && loss + corrupt < LEAST_LOSS {
            return None;
        }
        Some(Self {
            delay: fault.impairment().delay() * ways,
            jitter: fault.impairment().jitter() * ways,
            lost: (1.0 - kept.powi(i32::try_from(ways).unwrap_or(1))) * 100.0,
            target: fault.target.clone(),
        })
    }

    pub(super) fn asked(&self) -> String {
        if self.delay.is_zero() {
            return format!("{:.0} % lost", self.lost);
        }
        format!("{} ± {} later", millis(self.delay), millis(self.jitter))
    }

    /// How long an answer is waited for.
    pub(crate) fn patience(&self) -> Duration {
        (self.delay + self.jitter) * 2 + AGAIN * 2
    }

    /// How many connections are to be tried.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of at least one in a hundred"
    )]
    pub(crate) fn tries(&self) -> usize {
        if !self.loses() {
            return TRIES;
        }
        let wanted = (LOSSES * 100.0 / self.lost).ceil() as usize;
        wanted.clamp(TRIES, MOST_TRIES)
    }

    /// Sums up what was tried.
    pub(crate) fn answers(&self, attempts: &[Attempt]) -> Answers {
        let late = self.delay + self.jitter + AGAIN / 10 * 9;
        let times = attempts.iter().filter_map(|attempt| attempt.micros);
        let mut times: Vec<Duration> = times
            .map(Duration::from_micros)
            .filter(|time| *time < late)
            .collect();
        times.sort_unstable();
        let at = |share: usize| times.get(times.len().saturating_sub(1) * share / 100);
        let at = |share: usize| at(share).copied().unwrap_or_default();
        Answers {
            tried: attempts.len(),
            lost: attempts.len() - times.len(),
            early: at(10),
            median: at(50),
            spread: at(90).saturating_sub(at(10)),
        }
    }

    pub(crate) fn bites(&self, before: Answers, now: Answers) -> Verdict {
        let words = self.words(before, now);
        if self.is_seen(before, now) {
            Ok(words)
        } else {
            Err(words)
        }
    }

    pub(crate) fn healed(&self, before: Answers, now: Answers) -> Verdict {
        let words = self.words(before, now);
        let late = now.median.saturating_sub(before.median) * 4 >= self.delay.max(SLACK);
        let lost = !self.loses() || now.share() <= before.share() + self.lost / 4.0;
        if now.tried > 0 && !late && lost {
            Ok(words)
        } else {
            Err(words)
        }
    }

    fn is_seen(&self, before: Answers, now: Answers) -> bool {
        if self.loses() {
            let most = before.share() + self.lost + self.chance(now);
            let least = before.share() + self.lost / 4.0;
            return now.share() >= least && now.share() <= most;
        }
        let later = now.median.saturating_sub(before.median);
        // Where the machine was busier before, the median says less.
        let early = now.early.saturating_sub(before.early) + self.jitter / 5 * 4;
        let most = self.delay + self.jitter + self.delay.max(SLACK);
        later.max(early) >= self.delay / 5 * 4 && later <= most && now.spread >= self.jitter / 2
    }

    /// By how many percent chance alone makes the share differ, but once in 10,000 times: four standard deviations of a binomial
    /// distribution.
    #[expect(clippy::cast_precision_loss, reason = "hundreds")]
    fn chance(&self, now: Answers) -> f64 {
        let share = self.lost / 100.0;
        400.0 * (share * (1.0 - share) / now.tried.max(1) as f64).sqrt()
    }

    fn loses(&self) -> bool {
        self.lost > 0.0
    }

    fn words(&self, before: Answers, now: Answers) -> String {
        if self.loses() {
            return format!(
                "{} of {} lost (before {})",
                now.lost, now.tried, before.lost
            );
        }
        let (now_at, before_at) = (millis(now.median), millis(before.median));
        format!(
            "answers after {now_at}, spread over {} (before {before_at})",
            millis(now.spread)
        )
    }
}

impl Answers {
    #[expect(clippy::cast_precision_loss, reason = "hundreds")]
    fn share(self) -> f64 {
        self.lost as f64 * 100.0 / self.tried.max(1) as f64
    }
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempts(micros: &[Option<u64>]) -> Vec<Attempt> {
        let to = "10.0.0.1:8080".parse().expect("an address");
        let attempt = |micros: &Option<u64>| Attempt {
            to,
            from_port: 1,
            micros: *micros,
        };
        micros.iter().map(attempt).collect()
    }

    fn late(delay: u64, jitter: u64, lost: f64) -> Lateness {
        Lateness {
            delay: Duration::from_millis(delay),
            jitter: Duration::from_millis(jitter),
            lost,
            target: None,
        }
    }

    #[test]
    fn a_delay_is_seen_by_the_median_and_jitter_by_the_spread() {
        let fault = late(200, 40, 0.0);
        let before = fault.answers(&attempts(&[Some(300); 20]));
        let even: Vec<_> = (0..20).map(|n| Some(160_000 + n * 4000)).collect();
        let now = fault.answers(&attempts(&even));
        assert!(fault.bites(before, now).is_ok(), "{now:?}");
        assert!(fault.healed(before, now).is_err());
        assert!(fault.bites(before, before).is_err());
        assert!(fault.healed(before, before).is_ok());
        let stiff = fault.answers(&attempts(&[Some(200_000); 20]));
        assert!(fault.bites(before, stiff).is_err(), "no jitter");
        let busy: Vec<_> = (0..20).map(|n| Some(300 + n * 6_000)).collect();
        let busy = fault.answers(&attempts(&busy));
        let even = fault.answers(&attempts(&even));
        assert!(fault.bites(busy, even).is_ok(), "it was busier before");
        let half: Vec<_> = (0..20).map(|n| Some(80_000 + n * 2000)).collect();
        let half = fault.answers(&attempts(&half));
        assert!(fault.bites(busy, half).is_err() && fault.bites(before, half).is_err());
        let more = fault.answers(&attempts(&[Some(700_000); 20]));
        assert!(
            fault.bites(before, more).is_err(),
            "far more than asked for"
        );
    }

    #[test]
    fn the_smaller_a_loss_the_more_is_tried_until_it_can_not_be_seen() {
        let tries = |loss: f64| {
            let fault = serde_json::json!({"action": "loss", "percent": loss});
            let fault: NetworkFault = serde_json::from_value(fault).expect("a fault");
            Lateness::of(&fault).map(|fault| fault.tries())
        };
        assert_eq!(tries(20.0), Some(60));
        assert_eq!(tries(5.0), Some(160));
        assert_eq!(tries(1.0), Some(400));
        assert_eq!(tries(0.5), None);
    }

    #[test]
    fn a_loss_is_seen_by_answers_that_come_after_a_second_try_or_never() {
        let fault = late(0, 0, 30.0);
        let before = fault.answers(&attempts(&[Some(300); 20]));
        let mut some = vec![Some(300); 14];
        some.extend([
            Some(1_000_400),
            None,
            Some(1_000_300),
            None,
            None,
            Some(1_001_000),
        ]);
        let now = fault.answers(&attempts(&some));
        assert_eq!(
            fault.bites(before, now).as_deref(),
            Ok("6 of 20 lost (before 0)")
        );
        assert!(fault.healed(before, now).is_err());
        assert!(fault.bites(before, before).is_err());
        let all = fault.answers(&attempts(&[None; 20]));
        assert!(fault.bites(before, all).is_err(), "that is a partition");
        let lost_of_60 = |lost| [vec![None; lost], vec![Some(300); 60 - lost]].concat();
        let far_more = late(0, 0, 20.0).answers(&attempts(&lost_of_60(34)));
        let by_chance = late(0, 0, 20.0).answers(&attempts(&lost_of_60(22)));
        assert!(late(0, 0, 20.0).bites(before, far_more).is_err());
        assert!(late(0, 0, 20.0).bites(before, by_chance).is_ok());
        assert!(
            late(0, 0, 20.0).bites(by_chance, by_chance).is_err(),
            "as many are lost without the fault"
        );
        assert!(
            fault.healed(before, fault.answers(&[])).is_err(),
            "nothing was tried"
        );
    }
}
