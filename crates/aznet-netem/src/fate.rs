//! What becomes of a packet. Pure but for the dice, which are seeded.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use aznet_model::emulation::Impairment;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::Serialize;

/// What becomes of one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It never leaves.
    Lost,
    /// It leaves then.
    Sent {
        /// When.
        at: Instant,
        /// It leaves twice.
        twice: bool,
        /// A bit of it is turned.
        damaged: bool,
    },
}

/// Packets so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    packets: u64,
    lost: u64,
    duplicated: u64,
    damaged: u64,
}

/// Connections that are kept in mind before those that have nothing under way are forgotten.
const CONNECTIONS: usize = 4096;

/// Draws the fates of the packets of one link.
#[derive(Debug)]
pub(crate) struct Fates {
    impairment: Impairment,
    dice: StdRng,
    /// When the last packet of each connection leaves: none of the same overtakes it.
    last: HashMap<u64, Instant>,
    pub(crate) counts: Counts,
}

impl Fates {
    pub(crate) fn new(impairment: Impairment, seed: u64) -> Self {
        Self {
            impairment,
            dice: StdRng::seed_from_u64(seed),
            last: HashMap::new(),
            counts: Counts::default(),
        }
    }

    /// That of a packet of a connection that came `now`.
    pub(crate) fn of_packet(&mut self, connection: u64, now: Instant) -> Fate {
        let Impairment {
            loss,
            duplicate,
            corrupt,
            ..
        } = self.impairment;
        self.counts.packets += 1;
        if self.happens(loss) {
            self.counts.lost += 1;
            return Fate::Lost;
        }
        let late = now + self.lateness();
        if self.last.len() >= CONNECTIONS {
            self.last.retain(|_, last| *last > now);
        }
        let last = self.last.entry(connection).or_insert(late);
        *last = late.max(*last);
        let at = *last;
        let (twice, damaged) = (self.happens(duplicate), self.happens(corrupt));
        self.counts.duplicated += u64::from(twice);
        self.counts.damaged += u64::from(damaged);
        Fate::Sent { at, twice, damaged }
    }

    /// Turns a bit behind the headers that a packet needs to arrive at all.
    pub(crate) fn damage(&mut self, packet: &mut [u8]) {
        /// An IPv4 header without options, and the ports behind it.
        const HEADERS: usize = 24;
        if packet.len() > HEADERS {
            let at = self.dice.gen_range(HEADERS..packet.len());
            packet[at] ^= 1 << self.dice.gen_range(0..8);
        }
    }

    fn happens(&mut self, percent: f64) -> bool {
        percent > 0.0 && self.dice.gen_range(0.0..100.0) < percent
    }

    fn lateness(&mut self) -> Duration {
        let (delay, jitter) = (self.impairment.delay(), self.impairment.jitter());
        if jitter.is_zero() {
            return delay;
        }
        let earliest = delay.saturating_sub(jitter);
        self.dice.gen_range(earliest..=delay + jitter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKETS: u32 = 10_000;

    fn fates(impairment: Impairment) -> Vec<(Instant, Fate)> {
        let mut fates = Fates::new(impairment, 7);
        let began = Instant::now();
        let came = (0..PACKETS).map(|number| began + Duration::from_millis(50) * number);
        came.map(|came| (came, fates.of_packet(1, came))).collect()
    }

    #[test]
    fn packets_are_late_by_the_delay_give_or_take_the_jitter() {
        let lateness: Vec<f64> = fates(Impairment {
            delay: 100_000,
            jitter: 20_000,
            ..Impairment::default()
        })
        .into_iter()
        .map(|(came, fate)| match fate {
            Fate::Sent { at, .. } => (at - came).as_secs_f64(),
            Fate::Lost => panic!("no loss was asked for"),
        })
        .collect();
        assert!(lateness.iter().all(|late| (0.080..=0.120).contains(late)));
        let mean = lateness.iter().sum::<f64>() / f64::from(PACKETS);
        assert!((mean - 0.100).abs() < 0.001, "{mean}");
        assert!(lateness.iter().any(|late| *late < 0.085));
        assert!(lateness.iter().any(|late| *late > 0.115));
    }

    #[test]
    fn no_packet_overtakes_another_of_its_connection() {
        let mut fates = Fates::new(
            Impairment {
                delay: 50_000,
                jitter: 50_000,
                ..Impairment::default()
            },
            7,
        );
        let began = Instant::now();
        let mut last = began;
        for number in 0..PACKETS {
            let came = began + Duration::from_micros(100) * number;
            let Fate::Sent { at, .. } = fates.of_packet(1, came) else {
                panic!("no loss was asked for");
            };
            assert!(at >= last);
            last = at;
        }
        // Another one is not held up by it.
        let others = (2..1000).map(|connection| fates.of_packet(connection, began));
        let sooner =
            |fate| matches!(fate, Fate::Sent { at, .. } if at < began + Duration::from_millis(10));
        assert!(others.filter(|fate| sooner(*fate)).count() > 50);
    }

    #[test]
    fn shares_are_as_asked_for() {
        let mut fates = Fates::new(
            Impairment {
                loss: 20.0,
                duplicate: 10.0,
                corrupt: 5.0,
                ..Impairment::default()
            },
            7,
        );
        let now = Instant::now();
        for _ in 0..PACKETS {
            fates.of_packet(1, now);
        }
        let counts = fates.counts;
        let near = |seen: u64, asked: u64| seen.abs_diff(asked) < asked / 8;
        assert_eq!(counts.packets, u64::from(PACKETS));
        assert!(near(counts.lost, 2000), "{counts:?}");
        assert!(near(counts.duplicated, 800), "{counts:?}");
        assert!(near(counts.damaged, 400), "{counts:?}");
    }

    #[test]
    fn the_same_seed_draws_the_same_fates() {
        let impairment = Impairment {
            loss: 30.0,
            ..Impairment::default()
        };
        let drawn = |seed| {
            let mut fates = Fates::new(impairment, seed);
            let now = Instant::now();
            let lost = |_| fates.of_packet(1, now) == Fate::Lost;
            (0..100).map(lost).collect::<Vec<bool>>()
        };
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
    }

    #[test]
    fn damage_turns_one_bit_and_leaves_the_headers() {
        let mut fates = Fates::new(Impairment::default(), 7);
        let whole = [0u8; 100];
        let mut packet = whole;
        fates.damage(&mut packet);
        let turned: u32 = packet.iter().map(|byte| byte.count_ones()).sum();
        assert_eq!((turned, &packet[..24]), (1, &whole[..24]));
        let mut short = [0u8; 24];
        fates.damage(&mut short);
        assert_eq!(short, [0u8; 24]);
    }
}
