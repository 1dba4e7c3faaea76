//! What is there of a cluster, and what that means for whoever wants it.

use std::path::Path;

use super::container::Container;
use super::error::Error;

/// What is there of a cluster.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Remains {
    /// Nothing.
    Nothing,
    /// Nodes of a cluster that was never complete.
    Half,
    /// A complete cluster, some of whose nodes may be stopped.
    Whole(Vec<Container>),
}

impl Remains {
    /// Judges the containers of the cluster `name`; `complete`: its record was written.
    ///
    /// # Errors
    /// [`Error::Foreign`] if any of them was made by somebody else.
    pub(super) fn of(
        name: &str,
        containers: Vec<Container>,
        mark: &Path,
        complete: bool,
    ) -> Result<Self, Error> {
        if containers.iter().any(|container| !container.has(mark)) {
            return Err(Error::Foreign {
                name: name.to_owned(),
            });
        }
        Ok(match (containers.is_empty(), complete) {
            (true, _) => Self::Nothing,
            (false, false) => Self::Half,
            (false, true) => Self::Whole(containers),
        })
    }
}

/// Refuses another number of workers than the cluster has: kind adds none later.
pub(super) fn check_workers(
    name: &str,
    containers: &[Container],
    asked: Option<u8>,
) -> Result<(), Error> {
    let there = containers.iter().filter(|one| one.is_worker()).count();
    match asked {
        Some(asked) if usize::from(asked) != there => Err(Error::OtherWorkers {
            name: name.to_owned(),
            there,
            asked,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::container::tests::node;
    use super::*;

    const MARK: &str = "/s/kind/ci";

    fn nodes(mark: &str) -> Vec<Container> {
        vec![
            node("ci-control-plane", "control-plane", "running", mark),
            node("ci-worker", "worker", "running", mark),
        ]
    }

    #[test]
    fn a_cluster_of_this_name_that_others_made_is_refused() {
        for complete in [false, true] {
            let of = Remains::of("ci", nodes("/t/kind/ci"), Path::new(MARK), complete);
            let error = of.unwrap_err().to_string();
            assert!(error.contains("`ci`") && error.contains("aznet did not make"));
        }
    }

    #[test]
    fn what_was_never_complete_is_made_anew() {
        let of = |nodes, complete| Remains::of("ci", nodes, Path::new(MARK), complete).unwrap();
        assert_eq!(of(Vec::new(), true), Remains::Nothing);
        assert_eq!(of(nodes(MARK), false), Remains::Half);
        assert_eq!(of(nodes(MARK), true), Remains::Whole(nodes(MARK)));
    }

    #[test]
    fn a_cluster_keeps_its_number_of_workers() {
        let nodes = nodes(MARK);
        for asked in [None, Some(1)] {
            check_workers("ci", &nodes, asked).unwrap();
        }
        let error = check_workers("ci", &nodes, Some(2)).unwrap_err();
        let expected = "cluster `ci` has 1 worker, not 2";
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}
