//! The chain of iptables that hands packets to the queue, in the network namespace of the thread that asks.

use std::net::Ipv4Addr;
use std::time::Duration;

use aznet_kit::process::{ProcessError, Tool};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// Another program may hold iptables' lock for a moment.
const DEADLINE: Duration = Duration::from_secs(20);
const LOCK: [&str; 2] = ["-w", "10"];
/// Packets that we send a second time carry it and are left alone.
pub(crate) const MARK: u32 = 0x617a;
/// Marks by which links tell what they have had begin here. They end with the pod's network namespace.
const FIRST_MARK: u32 = 1 << 24;
/// Links that can tell their packets apart.
const MARKS: u32 = 8;

/// An experiment's chain in one network namespace.
#[derive(Debug)]
pub(crate) struct Chain {
    name: String,
    queue: u16,
    had: u32,
    runtime: Runtime,
}

impl Chain {
    /// A chain of the calling thread's network namespace; nothing is done yet.
    pub(crate) fn new(experiment: &str, queue: u16, had: u32) -> std::io::Result<Self> {
        // Of this thread alone: a child is in the network namespace of the thread that starts it.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(Self {
            name: format!("AZNET-{experiment}"),
            queue,
            had,
            runtime,
        })
    }

    /// Puts what goes to these peers into the queue, everything if none are said, in place of what was put there before.
    pub(crate) fn fill(&self, peers: Option<&[Ipv4Addr]>) -> Result<(), ProcessError> {
        let restore = Tool::new("iptables-restore")
            .args(["--noflush"])
            .args(LOCK)
            .input(self.rules(peers));
        self.run(restore)?;
        if self.run(self.jump("-C")).is_err() {
            self.run(self.jump("-I"))?;
        }
        Ok(())
    }

    /// Leaves nothing of it.
    pub(crate) fn remove(&self) -> Result<(), ProcessError> {
        if self.run(self.jump("-C")).is_ok() {
            self.run(self.jump("-D"))?;
        }
        for action in ["-F", "-X"] {
            self.run(Tool::new("iptables").args(LOCK).args([action, &self.name]))?;
        }
        Ok(())
    }

    fn jump(&self, action: &str) -> Tool {
        let words = [action, "OUTPUT", "-j", &self.name];
        Tool::new("iptables").args(LOCK).args(words)
    }

    fn rules(&self, peers: Option<&[Ipv4Addr]>) -> String {
        let Self {
            name, queue, had, ..
        } = self;
        let hand_over =
            |to: &str| format!("-A {name}{to} -j NFQUEUE --queue-num {queue} --queue-bypass\n");
        let handed_over: String = match peers {
            None => hand_over(""),
            Some(peers) => (peers.iter())
                .map(|peer| hand_over(&format!(" -d {peer}")))
                .collect(),
        };
        format!(
            "*filter\n:{name} - [0:0]\n-A {name} -o lo -j RETURN\n-A {name} -m mark --mark {MARK:#x} -j RETURN\n-A {name} -m mark --mark {had:#x}/{had:#x} -j RETURN\n{handed_over}COMMIT\n"
        )
    }

    fn run(&self, tool: Tool) -> Result<String, ProcessError> {
        let never = CancellationToken::new();
        self.runtime.block_on(tool.output(DEADLINE, &never))
    }
}

/// The mark of what a link has had.
pub(crate) fn mark(number: usize) -> u32 {
    let number = u32::try_from(number).unwrap_or_default();
    FIRST_MARK << (number % MARKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_to_the_peers_alone_are_handed_over_and_pass_when_nobody_reads() {
        let chain = Chain::new("slow", 7, mark(1)).expect("a runtime");
        let peers = [Ipv4Addr::new(10, 0, 0, 2)];
        let rules = chain.rules(Some(&peers));
        let handed: Vec<&str> = rules
            .lines()
            .filter(|rule| rule.contains("NFQUEUE"))
            .collect();
        assert_eq!(
            handed,
            ["-A AZNET-slow -d 10.0.0.2 -j NFQUEUE --queue-num 7 --queue-bypass"]
        );
        let rules = chain.rules(Some(&[]));
        assert!(!rules.contains("NFQUEUE"), "{rules}");
        let rules = chain.rules(None);
        assert!(rules.contains("\n-A AZNET-slow -j NFQUEUE"), "{rules}");
    }
}
