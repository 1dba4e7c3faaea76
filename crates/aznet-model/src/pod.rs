//! The names of pods.

use std::fmt;

/// A pod of a StatefulSet, by name: `validator-slow-3`. Ordered by workload, then by place: `validator-10` comes after
/// `validator-9`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodName {
    /// The StatefulSet: a role's name, or `validator-<group>`.
    pub workload: String,
    /// The pod's place in it.
    pub ordinal: u32,
}

impl PodName {
    /// The pod at a place of a workload.
    pub fn new(workload: impl Into<String>, ordinal: u32) -> Self {
        Self {
            workload: workload.into(),
            ordinal,
        }
    }

    /// Reads a StatefulSet's pod; `None` for any other, such as a Deployment's.
    pub fn parse(name: &str) -> Option<Self> {
        let (workload, tail) = name.rsplit_once('-')?;
        let ordinal = tail.parse().ok()?;
        let pod = Self::new(workload, ordinal);
        // Not `validator-+3` or `validator-03`, which Kubernetes gives to nobody.
        (!workload.is_empty() && pod.to_string() == name).then_some(pod)
    }

    /// Like [`PodName::parse`]; a name without an ordinal is that of a pod 0.
    pub fn or_first(name: &str) -> Self {
        Self::parse(name).unwrap_or_else(|| Self::new(name, 0))
    }
}

impl fmt::Display for PodName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.workload, self.ordinal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ordinal_is_the_tail_of_the_name() {
        assert_eq!(
            PodName::parse("validator-slow-12"),
            Some(PodName::new("validator-slow", 12))
        );
        for other in [
            "prover-agent-7d9f8b6c5-x2x4z",
            "anvil",
            "validator-",
            "-1",
            "validator-+3",
            "validator-03",
            "validator-4294967296",
            "",
        ] {
            assert_eq!(PodName::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_name_without_an_ordinal_is_that_of_the_first_pod() {
        assert_eq!(PodName::or_first("validator-2").ordinal, 2);
        assert_eq!(PodName::or_first("pxe"), PodName::new("pxe", 0));
    }

    #[test]
    fn pods_are_in_the_order_of_their_places() {
        let mut pods = ["validator-10", "validator-9", "pxe-0"].map(PodName::or_first);
        pods.sort();
        assert_eq!(
            pods.map(|pod| pod.to_string()),
            ["pxe-0", "validator-9", "validator-10"]
        );
    }
}
