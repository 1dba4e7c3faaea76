//! Faults that show in a figure: how much a pod sends, and what it uses.

use std::fmt::Write;

use aznet_model::chaos::{MemoryStress, StressFault};
use aznet_model::probe::{Sent, Usage};

use crate::verdict::Verdict;

/// So much more than the limit is tried to be sent.
const TRIED: u64 = 4;

/// Bytes a second that get out of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Narrow(pub(crate) u64);

impl Narrow {
    /// Bytes a second that the pod tries to send.
    pub(crate) const fn tried(self) -> u64 {
        self.0.saturating_mul(TRIED)
    }

    pub(super) fn asked(self) -> String {
        rate(self.0)
    }

    /// Whether a limit would show at all: without it the pod must send far more.
    pub(crate) fn can_be_seen(self, before: Sent) -> Verdict {
        let words = format!("sends {} without the fault", rate(before.rate()));
        if before.rate() >= self.0.saturating_mul(2) {
            Ok(words)
        } else {
            Err(words)
        }
    }

    /// As much as asked for gets out; other traffic of the pod shares it, and buckets hold some.
    pub(crate) fn bites(self, now: Sent) -> Verdict {
        let (asked, seen) = (self.0, now.rate());
        let most = asked.saturating_add(asked / 5).saturating_add(20_000);
        if seen > most || seen < asked / 3 {
            Err(rate(seen))
        } else {
            Ok(rate(seen))
        }
    }

    pub(crate) fn healed(self, now: Sent) -> Verdict {
        self.can_be_seen(now)
            .map(|_| rate(now.rate()))
            .map_err(|_| rate(now.rate()))
    }
}

/// Load on a pod.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Load {
    /// Thousandths of a processor.
    millicores: Option<u64>,
    memory: Option<MemoryStress>,
}

impl Load {
    pub(super) fn of(fault: &StressFault) -> Self {
        Self {
            millicores: fault.cpu.map(|cpu| {
                u64::from(cpu.workers).saturating_mul(u64::from(cpu.load.unwrap_or(100)) * 10)
            }),
            memory: fault.memory.clone(),
        }
    }

    pub(super) fn asked(&self) -> String {
        let cpu = self
            .millicores
            .map(|millicores| format!("{} of load", cores(millicores)));
        let memory = self
            .memory
            .as_ref()
            .map(|memory| format!("{} of memory", memory.size));
        let all: Vec<String> = cpu.into_iter().chain(memory).collect();
        format!("{} more", all.join(" and "))
    }

    /// A pod takes of the processors what others leave it: a third of what was asked for, of what there is, is load.
    /// Memory is there or not.
    pub(crate) fn bites(&self, before: Usage, now: Usage) -> Verdict {
        self.judge(
            before,
            now,
            |more, asked| more >= asked / 3,
            |more, asked| more >= asked / 10 * 9,
        )
    }

    pub(crate) fn healed(&self, before: Usage, now: Usage) -> Verdict {
        self.judge(
            before,
            now,
            |more, asked| more < asked / 3,
            |more, asked| more < asked / 2,
        )
    }

    fn judge(
        &self,
        before: Usage,
        now: Usage,
        cpu: impl Fn(u64, u64) -> bool,
        memory: impl Fn(u64, u64) -> bool,
    ) -> Verdict {
        let (mut words, mut fits) = (String::new(), true);
        if let Some(asked) = self.millicores {
            let asked = asked.min(now.processors.saturating_mul(1000));
            fits &= cpu(now.millicores.saturating_sub(before.millicores), asked);
            words = format!(
                "{} (before {})",
                cores(now.millicores),
                cores(before.millicores)
            );
        }
        if let Some(asked) = &self.memory {
            let asked = asked.bytes(now.machine_memory).unwrap_or(u64::MAX);
            fits &= memory(now.memory.saturating_sub(before.memory), asked);
            let comma = if words.is_empty() { "" } else { ", " };
            let (now, before) = (now.memory >> 20, before.memory >> 20);
            // Writing to a string can't fail.
            let _ = write!(words, "{comma}{now} MiB (before {before} MiB)");
        }
        if fits { Ok(words) } else { Err(words) }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "for people: three digits are told"
)]
fn cores(millicores: u64) -> String {
    format!("{:.2} cores", millicores as f64 / 1000.0)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "for people: three digits are told"
)]
fn rate(bytes: u64) -> String {
    format!("{:.2} MB/s", bytes as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use aznet_model::chaos::CpuStress;

    use super::*;

    fn sent(bytes: u64) -> Sent {
        Sent {
            bytes,
            millis: 1000,
        }
    }

    #[test]
    fn a_limit_bites_when_about_as_much_gets_out() {
        let narrow = Narrow(1_000_000);
        assert!(narrow.can_be_seen(sent(4_000_000)).is_ok());
        assert!(
            narrow.can_be_seen(sent(1_500_000)).is_err(),
            "the pod can't send more anyway"
        );
        for (bytes, bites) in [
            (1_000_000, true),
            (900_000, true),
            (4_000_000, false),
            (1_300_000, false),
            (0, false),
        ] {
            assert_eq!(narrow.bites(sent(bytes)).is_ok(), bites, "{bytes}");
        }
        assert!(narrow.healed(sent(1_000_000)).is_err());
        assert_eq!(narrow.healed(sent(3_900_000)).as_deref(), Ok("3.90 MB/s"));
    }

    #[test]
    fn load_bites_when_both_of_its_parts_are_there_and_is_healed_when_both_are_gone() {
        let load = Load::of(&StressFault {
            cpu: Some(CpuStress {
                workers: 4,
                load: Some(50),
            }),
            memory: Some(MemoryStress {
                workers: 1,
                size: "256MB".to_owned(),
            }),
        });
        let usage = |millicores: u64, mebibytes: u64| Usage {
            millicores,
            memory: mebibytes << 20,
            machine_memory: 8 << 30,
            processors: 2,
        };
        let before = usage(100, 800);
        for (now, bites) in [
            (usage(1500, 1056), true),
            (usage(900, 1056), true),
            (usage(1500, 820), false),
            (usage(150, 1056), false),
            (before, false),
        ] {
            assert_eq!(load.bites(before, now).is_ok(), bites, "{now:?}");
        }
        assert!(load.healed(before, usage(200, 810)).is_ok());
        assert!(load.healed(before, usage(200, 1056)).is_err());
        assert!(load.healed(before, usage(1500, 810)).is_err());
        assert_eq!(load.asked(), "2.00 cores of load and 256MB of memory more");
    }
}
