//! The packets of one pod: a thread in its network namespace.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use aznet_kit::process::ProcessError;
use aznet_model::emulation::Impairment;
use nfq::{Message, Queue, Verdict};
use nix::sched::{CloneFlags, setns};
use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;

use crate::chain::{Chain, MARK};
use crate::fate::{Counts, Fate, Fates};

/// How exactly packets are late: the queue is looked at this often.
const TICK: Duration = Duration::from_millis(1);
/// Packets that may be held at a time: 100 ms of 100,000 a second, and room. More pass at once.
const HELD: u32 = 32_768;

/// Why a fault can't be done to a pod, or not be taken back.
#[derive(Debug, Error)]
pub(crate) enum LinkError {
    /// The pod's network namespace.
    #[error("can't enter the pod's network namespace")]
    Enter(#[source] nix::Error),
    /// The queue.
    #[error("can't read packets from a queue; does the kernel have NFQUEUE?")]
    Queue(#[source] io::Error),
    /// The queue ended while it was read.
    #[error("lost the queue; the pod may be gone")]
    Lost(#[source] io::Error),
    /// The rules.
    #[error("can't set the rules that hand packets over")]
    Rules(#[from] ProcessError),
    /// What rules are set by.
    #[error("can't prepare to set rules")]
    Runtime(#[source] io::Error),
    /// A second packet.
    #[error("can't send packets twice")]
    Twice(#[source] io::Error),
}

/// What is done to the packets of a pod.
#[derive(Debug)]
pub(crate) struct Work {
    /// The experiment's name.
    pub(crate) experiment: String,
    /// The number of its queue.
    pub(crate) queue: u16,
    /// The mark of packets that it has had.
    pub(crate) had: u32,
    /// What is done.
    pub(crate) impairment: Impairment,
    /// What fates are drawn by.
    pub(crate) seed: u64,
}

/// Peers to which packets go that the fault is done to; all if none are said.
pub(crate) type Peers = Option<Vec<Ipv4Addr>>;

/// Does it in the pod's network namespace until nobody sends peers any more, and takes it back.
pub(crate) fn run(
    network: &File,
    work: &Work,
    peers: &Receiver<Peers>,
    began: impl FnOnce(),
) -> Result<Counts, LinkError> {
    setns(network, CloneFlags::CLONE_NEWNET).map_err(LinkError::Enter)?;
    let chain = Chain::new(&work.experiment, work.queue, work.had).map_err(LinkError::Runtime)?;
    let mut link = Link::open(work)?;
    let ended = link.serve(&chain, peers, began);
    // The rules first: a packet that comes afterwards is not for us.
    let removed = chain.remove();
    link.release();
    ended?;
    removed?;
    Ok(link.fates.counts)
}

struct Link {
    queue: Queue,
    /// The one that leaves next first.
    held: BinaryHeap<Reverse<Held>>,
    had: u32,
    /// Packets so far.
    taken: u64,
    fates: Fates,
    again: Socket,
}

struct Held {
    at: Instant,
    /// Those of one time leave as they came.
    number: u64,
    packet: Message,
    twice: bool,
}

impl Held {
    const fn order(&self) -> (Instant, u64) {
        (self.at, self.number)
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Held {}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Held {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
    }
}

impl Link {
    fn open(work: &Work) -> Result<Self, LinkError> {
        let queue = bound(work.queue).map_err(LinkError::Queue)?;
        let again = raw_socket().map_err(LinkError::Twice)?;
        Ok(Self {
            queue,
            held: BinaryHeap::new(),
            had: work.had,
            taken: 0,
            fates: Fates::new(work.impairment, work.seed),
            again,
        })
    }

    fn serve(
        &mut self,
        chain: &Chain,
        peers: &Receiver<Peers>,
        began: impl FnOnce(),
    ) -> Result<(), LinkError> {
        let mut began = Some(began);
        loop {
            match peers.recv_timeout(TICK) {
                Ok(peers) => {
                    chain.fill(peers.as_deref())?;
                    if let Some(began) = began.take() {
                        began();
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            self.take().map_err(LinkError::Lost)?;
            self.send_due(Instant::now());
        }
    }

    /// Takes what has come.
    fn take(&mut self) -> io::Result<()> {
        loop {
            match self.queue.recv() {
                Ok(packet) => self.decide(packet)?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn decide(&mut self, mut packet: Message) -> io::Result<()> {
        let connection = connection(packet.get_payload());
        match self.fates.of_packet(connection, Instant::now()) {
            Fate::Lost => {
                packet.set_verdict(Verdict::Drop);
                self.queue.verdict(packet)
            }
            Fate::Sent { at, twice, damaged } => {
                if damaged {
                    self.fates.damage(packet.get_payload_mut());
                }
                self.taken += 1;
                self.held.push(Reverse(Held {
                    at,
                    number: self.taken,
                    packet,
                    twice,
                }));
                Ok(())
            }
        }
    }

    fn send_due(&mut self, now: Instant) {
        while self.held.peek().is_some_and(|held| held.0.at <= now) {
            self.send_first();
        }
    }

    fn release(&mut self) {
        while !self.held.is_empty() {
            self.send_first();
        }
    }

    /// A packet whose second copy or verdict fails is one that the network lost.
    fn send_first(&mut self) {
        let Some(Reverse(Held {
            mut packet, twice, ..
        })) = self.held.pop()
        else {
            return;
        };
        if twice && let Some(to) = destination(packet.get_payload()) {
            let _ = self.again.send_to(packet.get_payload(), &to.into());
        }
        // Begins anew at the first rule: other links of the pod may want it, too.
        packet.set_nfmark(packet.get_nfmark() | self.had);
        packet.set_verdict(Verdict::Repeat);
        let _ = self.queue.verdict(packet);
    }
}

fn bound(number: u16) -> io::Result<Queue> {
    let mut queue = Queue::open()?;
    queue.bind(number)?;
    queue.set_fail_open(number, true)?;
    queue.set_queue_max_len(number, HELD)?;
    queue.set_nonblocking(true);
    Ok(queue)
}

fn raw_socket() -> io::Result<Socket> {
    const RAW: i32 = nix::libc::IPPROTO_RAW;
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(RAW)))?;
    socket.set_mark(MARK)?;
    Ok(socket)
}

/// What tells the connection of an IPv4 packet: protocol, addresses and ports.
fn connection(packet: &[u8]) -> u64 {
    let mut hash = DefaultHasher::new();
    (packet.get(9), packet.get(12..24)).hash(&mut hash);
    hash.finish()
}

/// Where an IPv4 packet goes.
fn destination(packet: &[u8]) -> Option<SocketAddr> {
    let address: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
    Some(SocketAddr::new(IpAddr::from(address), 0))
}
