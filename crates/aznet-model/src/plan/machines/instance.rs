//! Instance types of AWS, and what EKS leaves of them to pods.

use super::Amounts;
use crate::units::{Bytes, MilliCpu};
use crate::values::nearest;
use std::str::FromStr;

const LISTED: &str = include_str!("types.txt");

/// What a hypervisor and a kernel keep of the memory, in thousandths: what Karpenter assumes before it has seen a machine.
const KEPT: u64 = 75;
/// What the kubelet keeps free, below which it evicts pods.
const EVICTION: Bytes = Bytes::mebibytes(100);
/// Most pods that EKS allows on a machine of a managed group, by its cores.
const MANAGED: [(u64, u64); 2] = [(30, 110), (u64::MAX, 250)];

/// A type of machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstanceType {
    /// Its name, e.g. `r7a.4xlarge`.
    pub name: &'static str,
    cores: u64,
    memory: Bytes,
    addresses: u64,
}

/// A type that is not in the table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no instance type that aznet knows{}; it knows those of {}",
    .nearest.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default(),
    .families.join(", ")
)]
pub struct UnknownType {
    nearest: Option<&'static str>,
    families: Vec<&'static str>,
}

impl FromStr for InstanceType {
    type Err = UnknownType;

    fn from_str(name: &str) -> Result<Self, UnknownType> {
        let found = Self::all().find(|one| one.name == name);
        found.ok_or_else(|| {
            let families = Self::all().filter_map(|one| Some(one.name.split_once('.')?.0));
            let mut families: Vec<_> = families.collect();
            families.dedup();
            UnknownType {
                nearest: nearest(name, Self::all().map(|one| one.name)),
                families,
            }
        })
    }
}

impl InstanceType {
    fn all() -> impl Iterator<Item = Self> {
        let lines = LISTED.lines().filter(|line| !line.starts_with('#'));
        lines.filter_map(|line| {
            let mut words = line.split(' ');
            let name = words.next()?;
            let mut number = || words.next()?.parse().ok();
            Some(Self {
                name,
                cores: number()?,
                memory: Bytes::mebibytes(1024 * number()?),
                addresses: number()?,
            })
        })
    }

    /// What Kubernetes may give to pods, as the AMIs of EKS for Amazon Linux 2023 reserve for the kubelet and the runtime
    /// (`getCPUMillicoresToReserve` and `getMemoryMebibytesToReserve` of nodeadm).
    pub(super) fn allocatable(&self) -> Amounts {
        let kept = Bytes(self.memory.0 / 1000 * KEPT);
        let reserved = Bytes::mebibytes(255 + 11 * self.addresses);
        let memory = [kept, reserved, EVICTION]
            .into_iter()
            .fold(self.memory, Bytes::saturating_sub);
        let most = MANAGED.into_iter().find(|(cores, _)| self.cores < *cores);
        Amounts {
            cpu: MilliCpu(1000 * self.cores).saturating_sub(reserved_cpu(self.cores)),
            memory,
            pods: most.map_or(self.addresses, |(_, most)| most.min(self.addresses)),
        }
    }
}

/// 6 % of the first core, 1 % of the second, 0.5 % of the next two, 0.25 % of the others.
fn reserved_cpu(cores: u64) -> MilliCpu {
    let shares = [(1, 600), (1, 100), (2, 50), (u64::MAX, 25)];
    let mut left = cores;
    let ten_thousandths: u64 = shares
        .into_iter()
        .map(|(span, share)| {
            let here = left.min(span);
            left -= here;
            here * 1000 * share
        })
        .sum();
    MilliCpu(ten_thousandths / 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read() {
        let lines = LISTED.lines().filter(|line| !line.starts_with('#'));
        assert_eq!(InstanceType::all().count(), lines.count());
        for one in InstanceType::all() {
            let room = one.allocatable();
            assert!(room.memory.0 > one.memory.0 * 3 / 4, "{}", one.name);
        }
    }

    #[test]
    fn what_eks_reserves_is_not_given_to_pods() {
        let room = |name: &str| name.parse::<InstanceType>().expect("known").allocatable();
        let prover = room("r7a.4xlarge");
        assert_eq!((prover.cpu, prover.pods), (MilliCpu(15_890), 110));
        assert_eq!(prover.memory.to_string(), "115.6 GiB");
        let small = room("m7i-flex.large");
        assert_eq!((small.cpu, small.pods), (MilliCpu(1_930), 29));
        assert_eq!(room("m7i.16xlarge").pods, 250);
    }

    #[test]
    fn the_nearest_type_is_named() {
        let said = |name: &str| {
            let unknown = name.parse::<InstanceType>().expect_err("unknown");
            unknown.to_string()
        };
        let near = said("r7a.4xlrge");
        assert!(near.contains("did you mean `r7a.4xlarge`?"), "{near}");
        let far = said("?");
        assert!(
            far.starts_with("no instance type that aznet knows; it knows those of m6i, m6a"),
            "{far}"
        );
    }
}
