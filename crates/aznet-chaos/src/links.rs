//! Connections between pods, and what a partition must show in them. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use aznet_model::chaos::Direction;
use aznet_model::probe::{Attempt, HalfOpen};

/// A connection that may be tried: from a pod to a port of another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Link {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) port: u16,
}

impl Link {
    fn words(&self) -> String {
        format!("{} to {}:{}", self.from, self.to, self.port)
    }
}

/// All connections tried at one time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Round {
    /// Those that were answered.
    pub(crate) answered: BTreeSet<Link>,
    /// Those that were not, and whether their first packet came in at the other end; `None` where that can't be asked.
    pub(crate) silent: BTreeMap<Link, Option<bool>>,
}

impl Round {
    /// Whether a connection was answered.
    pub(crate) fn has_answered(&self, from: &str, to: &str, port: u16) -> bool {
        self.answered.contains(&Link {
            from: from.to_owned(),
            to: to.to_owned(),
            port,
        })
    }

    /// Has a later pod be connected as `like` was.
    pub(crate) fn add_like(&mut self, name: &str, like: &str) {
        let as_new = |link: &Link| {
            let mut new = link.clone();
            let end = [&mut new.from, &mut new.to].into_iter();
            let end = end.into_iter().find(|end| *end == like)?;
            name.clone_into(end);
            Some(new)
        };
        let answered: Vec<Link> = self.answered.iter().filter_map(as_new).collect();
        self.answered.extend(answered);
    }

    /// Puts together what both ends say. `attempts` are by pod, with its address; `half_open` by pod that was asked.
    pub(crate) fn of<'a>(
        attempts: impl Iterator<Item = (&'a str, (IpAddr, &'a [Attempt]))>,
        half_open: &BTreeMap<String, Vec<HalfOpen>>,
        name: impl Fn(IpAddr) -> Option<String>,
    ) -> Self {
        let mut round = Self::default();
        for (from, (ip, attempts)) in attempts {
            for attempt in attempts {
                let Some(to) = name(attempt.to.ip()) else {
                    continue;
                };
                let arrived = half_open
                    .get(&to)
                    .map(|seen| seen.contains(&HalfOpen(SocketAddr::new(ip, attempt.from_port))));
                let (from, port) = (from.to_owned(), attempt.to.port());
                let link = Link { from, to, port };
                if attempt.micros.is_some() {
                    round.answered.insert(link);
                } else {
                    round.silent.insert(link, arrived);
                }
            }
        }
        round
    }
}

/// A partition as it was injected.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut<'a> {
    /// Which packets are dropped.
    pub(crate) direction: Direction,
    /// The pods that it was done to.
    pub(crate) pods: &'a [String],
    /// The pods at the other end; all where it has none.
    pub(crate) targets: Option<&'a [String]>,
}

/// How a connection stands to a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// From its pods to the target.
    Outward,
    /// From the target to its pods.
    Inward,
    /// Both: the two overlap.
    Within,
    /// Neither.
    Beside,
}

impl Cut<'_> {
    fn side(self, link: &Link) -> Side {
        let ours = |pod: &String| self.pods.contains(pod);
        let target = |pod: &String| self.targets.is_none_or(|targets| targets.contains(pod));
        match (
            ours(&link.from) && target(&link.to),
            ours(&link.to) && target(&link.from),
        ) {
            (true, false) => Side::Outward,
            (false, true) => Side::Inward,
            (true, true) => Side::Within,
            (false, false) => Side::Beside,
        }
    }

    /// Whether exactly what it cuts is cut; by pod, what shows it. Pods that are away answer nobody for a reason of their own.
    pub(crate) fn bites(
        self,
        before: &Round,
        now: &Round,
        is_away: impl Fn(&str) -> bool,
    ) -> Result<BTreeMap<String, String>, String> {
        let mut cut: BTreeMap<&String, usize> = BTreeMap::new();
        let mut beside = 0;
        for link in &before.answered {
            match self.side(link) {
                Side::Beside if now.answered.contains(link) => beside += 1,
                Side::Beside if is_away(&link.from) || is_away(&link.to) => {}
                Side::Beside => {
                    let words = link.words();
                    return Err(format!(
                        "no connection from {words}, which is none of the fault"
                    ));
                }
                side => {
                    self.is_cut(side, link, now)?;
                    let ends = [&link.from, &link.to].into_iter();
                    for pod in ends.filter(|pod| self.pods.contains(pod)) {
                        *cut.entry(pod).or_default() += 1;
                    }
                }
            }
        }
        let each = self.pods.iter().map(|pod| {
            let cut = cut.get(pod).ok_or_else(|| {
                format!("{pod}: no connection was possible before that the fault cuts")
            })?;
            let words = format!("0 of {cut} connections possible, all {beside} others as before");
            Ok((pod.clone(), words))
        });
        each.collect()
    }

    fn is_cut(self, side: Side, link: &Link, now: &Round) -> Result<(), String> {
        let words = link.words();
        if now.answered.contains(link) {
            return Err(format!("{words} still answers"));
        }
        let arrived = now.silent.get(link);
        let arrived = arrived.ok_or_else(|| format!("{words} was not tried"))?;
        // The first packet of a connection goes one way, its answer the other: it tells which of the two is dropped.
        let passes = match (side, self.direction) {
            (Side::Outward, Direction::From) | (Side::Inward, Direction::To) => true,
            (Side::Within, _) | (_, Direction::Both) if *arrived != Some(true) => return Ok(()),
            _ => false,
        };
        match arrived {
            None => Ok(()),
            Some(arrived) if *arrived == passes => Ok(()),
            Some(true) => Err(format!(
                "packets from {words} arrive, which are to be dropped"
            )),
            Some(false) => Err(format!("packets from {words} do not arrive, and are to")),
        }
    }

    /// Connections that were answered and that it may cut, by its pods.
    pub(crate) fn may_cut(self, before: &Round, pod: &str) -> bool {
        let mut answered = before.answered.iter();
        answered.any(|link| self.side(link) != Side::Beside && (link.from == pod || link.to == pod))
    }
}

/// Whether everything that was answered before is answered again, as far as the pods are still there.
pub(crate) fn healed(pod: &str, before: &Round, now: &Round) -> Result<String, String> {
    let of_it = |link: &&Link| link.from == pod || link.to == pod;
    let (mut there, mut again) = (0, 0);
    for link in before.answered.iter().filter(of_it) {
        if now.answered.contains(link) {
            (there, again) = (there + 1, again + 1);
        } else if now.silent.contains_key(link) {
            return Err(format!("no connection from {}", link.words()));
        } else {
            there += 1;
        }
    }
    if there > 0 && again == 0 {
        return Err("none of its connections could be tried".to_owned());
    }
    Ok(format!("{again} connections possible again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_pod_is_connected_as_another_was() {
        let mut round = Round {
            answered: [link("a>b"), link("b>a"), link("b>c")].into(),
            ..Round::default()
        };
        round.add_like("x", "b");
        let of_x = round.answered.iter();
        let of_x: Vec<String> = of_x
            .filter(|link| [&link.from, &link.to].contains(&&"x".to_owned()))
            .map(|link| format!("{}>{}", link.from, link.to))
            .collect();
        assert_eq!(of_x, ["a>x", "x>a", "x>c"]);
    }

    fn link(text: &str) -> Link {
        let (from, to) = text.split_once('>').expect("two ends");
        Link {
            from: from.to_owned(),
            to: to.to_owned(),
            port: 8080,
        }
    }

    fn round(answered: &[&str], silent: &[(&str, bool)]) -> Round {
        Round {
            answered: answered.iter().map(|text| link(text)).collect(),
            silent: silent
                .iter()
                .map(|(text, arrived)| (link(text), Some(*arrived)))
                .collect(),
        }
    }

    #[test]
    fn a_pod_that_is_away_is_cut_off_by_nothing() {
        let (pods, targets) = (["a".to_owned()], ["b".to_owned()]);
        let cut = Cut {
            direction: Direction::Both,
            pods: &pods,
            targets: Some(&targets),
        };
        let now = round(&["b>c", "c>b"], &[("a>b", false), ("b>a", false)]);
        let bites = |away: &str| cut.bites(&round(&ALL, &[]), &now, |pod| pod == away);
        assert!(bites("").is_err());
        assert!(bites("b").is_err());
        let words = "0 of 2 connections possible, all 2 others as before";
        assert_eq!(bites("a").expect("it bites")["a"], words);
    }

    const ALL: [&str; 6] = ["a>b", "b>a", "a>c", "c>a", "b>c", "c>b"];

    fn bites(direction: Direction, target: bool, now: &Round) -> Result<String, String> {
        let (pods, targets) = (["a".to_owned()], ["b".to_owned()]);
        let cut = Cut {
            direction,
            pods: &pods,
            targets: target.then_some(&targets),
        };
        let measured = cut.bites(&round(&ALL, &[]), now, |_| false);
        measured.map(|measured| measured["a"].clone())
    }

    #[test]
    fn a_partition_cuts_what_it_is_to_cut_and_nothing_else() {
        let others = ["a>c", "c>a", "b>c", "c>b"];
        let cut = round(&others, &[("a>b", false), ("b>a", false)]);
        let words = "0 of 2 connections possible, all 4 others as before";
        assert_eq!(bites(Direction::Both, true, &cut).as_deref(), Ok(words));
        let half = round(&[&others[..], &["b>a"]].concat(), &[("a>b", false)]);
        assert_eq!(
            bites(Direction::Both, true, &half),
            Err("b to a:8080 still answers".into())
        );
        assert!(
            bites(Direction::Both, true, &round(&ALL, &[])).is_err(),
            "injected, and nothing done"
        );
        let more = round(
            &others[1..],
            &[("a>b", false), ("b>a", false), ("a>c", false)],
        );
        let error = bites(Direction::Both, true, &more).expect_err("cuts more");
        assert!(
            error.contains("a to c:8080, which is none of the fault"),
            "{error}"
        );
        assert!(
            bites(Direction::Both, true, &round(&others, &[])).is_err(),
            "not tried"
        );
    }

    #[test]
    fn the_direction_shows_in_which_first_packets_arrive() {
        let others = ["a>c", "c>a", "b>c", "c>b"];
        let to = round(&others, &[("a>b", false), ("b>a", true)]);
        let from = round(&others, &[("a>b", true), ("b>a", false)]);
        for (direction, fits, other) in [(Direction::To, &to, &from), (Direction::From, &from, &to)]
        {
            assert!(bites(direction, true, fits).is_ok(), "{direction:?}");
            assert!(bites(direction, true, other).is_err(), "{direction:?}");
            assert!(bites(Direction::Both, true, other).is_err());
        }
    }

    #[test]
    fn without_a_target_everything_is_cut() {
        let now = round(
            &["b>c", "c>b"],
            &[
                ("a>b", false),
                ("b>a", false),
                ("a>c", false),
                ("c>a", false),
            ],
        );
        assert!(bites(Direction::Both, false, &now).is_ok());
        assert!(bites(Direction::Both, true, &now).is_err());
    }

    #[test]
    fn a_pod_is_healed_when_all_its_connections_are_possible_again() {
        let before = round(&ALL, &[]);
        assert!(healed("a", &before, &before).is_ok());
        assert!(healed("a", &before, &round(&ALL[1..], &[("a>b", false)])).is_err());
        // b is gone: nobody tries.
        assert!(healed("a", &before, &round(&["a>c", "c>a"], &[])).is_ok());
        assert!(healed("a", &before, &Round::default()).is_err());
    }
}
