//! Keeps an experiment on the pods of this node: finds them, and their peers, again and again.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aznet_kit::error::chain;
use aznet_kit::files::FileError;
use aznet_model::emulation::{Emulation, Link, NAME};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use thiserror::Error;

use crate::chain::mark;
use crate::event::{Event, tell};
use crate::link::{self, LinkError, Peers, Work};
use crate::node::{Node, Pod};

/// How often pods and peers are looked for.
const LOOK: Duration = Duration::from_secs(1);

/// Why an experiment can't go on.
#[derive(Debug, Error)]
pub(crate) enum AgentError {
    /// Its name.
    #[error("the experiment's name `{name}` has more than {NAME} bytes")]
    Name {
        /// The name.
        name: String,
    },
    /// The node.
    #[error(transparent)]
    Node(#[from] FileError),
    /// Signals.
    #[error("can't handle signals")]
    Signals(#[source] io::Error),
}

/// Keeps the experiment up until its time is over or a signal ends it; then takes it back.
pub(crate) fn run(emulation: &Emulation, node: &Node) -> Result<(), AgentError> {
    if emulation.experiment.len() > NAME {
        let name = emulation.experiment.clone();
        return Err(AgentError::Name { name });
    }
    let stop = stop_signal()?;
    let mut agent = Agent {
        emulation,
        node,
        links: BTreeMap::new(),
    };
    let looked = loop {
        if now() >= emulation.until {
            break Ok(());
        }
        if let Err(error) = agent.look() {
            break Err(error.into());
        }
        // Ends at once when a signal comes, and when the thread that waits for one is gone.
        if stop.recv_timeout(LOOK) != Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            break Ok(());
        }
    };
    agent.end();
    looked
}

fn stop_signal() -> Result<std::sync::mpsc::Receiver<()>, AgentError> {
    let mut signals = Signals::new([SIGTERM, SIGINT]).map_err(AgentError::Signals)?;
    let (send, receive) = channel();
    std::thread::spawn(move || {
        signals.forever().next();
        let _ = send.send(());
    });
    Ok(receive)
}

struct Agent<'a> {
    emulation: &'a Emulation,
    node: &'a Node,
    /// By pod and the number of its link.
    links: BTreeMap<(Pod, usize), Running>,
}

/// A link that is being worked on.
struct Running {
    peers: Sender<Peers>,
    /// `None` before it was told any.
    last: Option<Peers>,
    thread: JoinHandle<()>,
}

impl Agent<'_> {
    /// Lets go of pods that are gone, takes on those that came, and tells all of them of their peers.
    fn look(&mut self) -> Result<(), FileError> {
        let pods = self.node.pods(&self.emulation.namespace)?;
        let mut wanted = BTreeMap::new();
        for (number, link) in self.emulation.links.iter().enumerate() {
            let peers = addresses(link);
            for pod in pods.iter().filter(|pod| link.pods.contains(&pod.name)) {
                if let Some(network) = self.node.network(pod)? {
                    wanted.insert((pod.clone(), number), (network, peers.clone()));
                }
            }
        }
        let over = |at: &(Pod, usize), running: &Running| {
            !wanted.contains_key(at) || running.thread.is_finished()
        };
        let ended: Vec<_> = (self.links.iter())
            .filter(|(at, running)| over(at, running))
            .map(|(at, _)| at.clone())
            .collect();
        for at in ended {
            if let Some(running) = self.links.remove(&at) {
                running.end();
            }
        }
        for (at, (network, peers)) in wanted {
            let running = (self.links)
                .entry(at)
                .or_insert_with_key(|at| start(self.emulation, at, network));
            running.tell(peers);
        }
        Ok(())
    }

    fn end(self) {
        for (_, running) in self.links {
            running.end();
        }
    }
}

impl Running {
    fn tell(&mut self, peers: Peers) {
        if self.last.as_ref() != Some(&peers) {
            self.last = Some(peers.clone());
            // A thread that is gone is found at the next look.
            let _ = self.peers.send(peers);
        }
    }

    fn end(self) {
        drop(self.peers);
        // A thread that panicked has left rules by which packets pass.
        let _ = self.thread.join();
    }
}

/// Works on a link in a thread of its own: a network namespace is entered by threads.
fn start(emulation: &Emulation, (pod, number): &(Pod, usize), network: std::fs::File) -> Running {
    let (peers, receive) = channel();
    let pod = pod.clone();
    let mut seed = DefaultHasher::new();
    (emulation.seed, &pod.name, number).hash(&mut seed);
    let work = Work {
        experiment: format!("{}-{number}", emulation.experiment),
        queue: queue(&emulation.experiment, *number),
        had: mark(usize::from(emulation.beside) + number),
        impairment: emulation.links[*number].impairment,
        seed: seed.finish(),
    };
    let thread = std::thread::spawn(move || {
        let (pod, uid) = (pod.name.as_str(), pod.uid.as_str());
        let began = || tell(&Event::Began { pod, uid });
        match link::run(&network, &work, &receive, began) {
            Ok(counts) => tell(&Event::Ended { pod, uid, counts }),
            Err(error) => refused(pod, uid, &error),
        }
    });
    Running {
        peers,
        last: None,
        thread,
    }
}

fn refused(pod: &str, uid: &str, error: &LinkError) {
    let error = chain(error);
    tell(&Event::Refused { pod, uid, error });
}

/// A queue of a network namespace has one reader: experiments differ in it.
fn queue(experiment: &str, number: usize) -> u16 {
    /// Below are numbers that people choose.
    const FIRST: u16 = 30_000;
    let mut hash = DefaultHasher::new();
    (experiment, number).hash(&mut hash);
    FIRST + u16::try_from(hash.finish() % u64::from(FIRST)).unwrap_or_default()
}

/// The peers' addresses by now; a name that has none is told of, and looked up again.
fn addresses(link: &Link) -> Peers {
    let mut addresses: Vec<Ipv4Addr> = (link.peers.as_ref()?.iter())
        .flat_map(|peer| match (peer.as_str(), 0).to_socket_addrs() {
            Ok(found) => found.map(|address| address.ip()).collect(),
            Err(error) => {
                let error = error.to_string();
                tell(&Event::Unknown { peer, error });
                Vec::new()
            }
        })
        .filter_map(|address| match address {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        })
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    Some(addresses)
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
