//! The program on real packets: between two network namespaces, with the kernel's own queue and rules.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use aznet_model::emulation::{Emulation, Impairment, Link, VARIABLE};
use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const NAMESPACE: &str = "aznet-test";
const PEER: Ipv4Addr = Ipv4Addr::new(10, 250, 0, 1);
const PORT: u16 = 7777;
/// Far more than a packet takes between two namespaces of a busy machine.
const DELAY: Duration = Duration::from_millis(600);
const PATIENCE: Duration = Duration::from_secs(20);
const PACKETS: u32 = 1000;

/// A process in a network namespace of its own; the namespace ends with it.
struct Space(Child);

impl Space {
    fn new() -> Self {
        let process = Command::new("unshare")
            .args(["--net", "sleep", "600"])
            .spawn()
            .expect("unshare runs");
        let space = Self(process);
        let own = fs::read_link("/proc/self/ns/net").expect("our namespace");
        eventually("a namespace of its own", || {
            fs::read_link(space.file()).is_ok_and(|other| other != own)
        });
        space.run(&["ip", "link", "set", "lo", "up"]);
        space
    }

    fn file(&self) -> PathBuf {
        format!("/proc/{}/ns/net", self.0.id()).into()
    }

    fn run(&self, words: &[&str]) -> String {
        let output = Command::new("nsenter")
            .arg(format!("--net={}", self.file().display()))
            .args(words)
            .output()
            .expect("nsenter runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words:?}: {told}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Does something in the namespace, in a thread of its own.
    fn inside<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let file = File::open(self.file()).expect("the namespace");
        let thread = std::thread::spawn(move || {
            setns(file, CloneFlags::CLONE_NEWNET).expect("root may enter");
            work()
        });
        thread.join().expect("the work is done")
    }

    /// A link to another one, `number` of it: this end has 10.250.N.2, the other 10.250.N.1.
    fn connect(&self, other: &Self, number: u8) {
        static LINKS: AtomicU32 = AtomicU32::new(0);
        let name = format!("aznt{}", LINKS.fetch_add(1, Ordering::Relaxed));
        let pid = other.0.id().to_string();
        self.run(&[
            "ip", "link", "add", "eth0", "type", "veth", "peer", "name", &name,
        ]);
        self.run(&["ip", "link", "set", &name, "netns", &pid]);
        for (space, link, last) in [(self, "eth0", 2), (other, name.as_str(), 1)] {
            let address = format!("10.250.{number}.{last}/30");
            space.run(&["ip", "address", "add", &address, "dev", link]);
            space.run(&["ip", "link", "set", link, "up"]);
        }
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the program sees of a node: a folder of logs and a `/proc` with one process for each pod.
struct Node {
    dir: tempfile::TempDir,
}

impl Node {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        for name in ["logs", "proc"] {
            fs::create_dir(dir.path().join(name)).expect("a folder");
        }
        Self { dir }
    }

    fn runs(&self, pod: &str, uid: &str, space: &Space) {
        let logs = self
            .dir
            .path()
            .join(format!("logs/{NAMESPACE}_{pod}_{uid}"));
        fs::create_dir(logs).expect("a folder");
        let process = self.dir.path().join("proc").join(space.0.id().to_string());
        fs::create_dir_all(process.join("ns")).expect("a folder");
        symlink(space.file(), process.join("ns/net")).expect("a link");
        fs::write(process.join("cgroup"), format!("0::/kubepods/pod{uid}/x")).expect("written");
    }

    fn ended(&self, space: &Space) {
        let process = self.dir.path().join("proc").join(space.0.id().to_string());
        fs::remove_dir_all(process).expect("removed");
    }
}

/// The program under test.
struct Program {
    process: Child,
    events: std::io::Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn start(node: &Node, peers: Option<Vec<String>>, impairment: Impairment) -> Self {
        let emulation = Emulation {
            experiment: "slow".to_owned(),
            namespace: NAMESPACE.to_owned(),
            until: u64::MAX,
            beside: 0,
            seed: 7,
            links: vec![link(peers, impairment)],
        };
        Self::of(node, &emulation)
    }

    fn of(node: &Node, emulation: &Emulation) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_aznet-netem"))
            .arg("--pod-logs")
            .arg(node.dir.path().join("logs"))
            .arg("--proc")
            .arg(node.dir.path().join("proc"))
            .env(VARIABLE, serde_json::to_string(emulation).expect("JSON"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let events = process.stdout.take().expect("a pipe");
        let events = BufReader::new(events).lines();
        Self { process, events }
    }

    /// The next event of this kind, about this UID.
    fn tells(&mut self, event: &str, uid: &str) -> serde_json::Value {
        loop {
            let line = self.events.next().expect("it goes on").expect("text");
            let told: serde_json::Value = serde_json::from_str(&line).expect("JSON");
            if told["event"] == event && told["uid"] == uid {
                return told;
            }
            assert!(
                !["failed", "refused"].contains(&told["event"].as_str().unwrap_or_default()),
                "{line}"
            );
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.process.id()).expect("a pid");
        kill(Pid::from_raw(pid), signal).expect("it runs");
    }

    /// Ends it as Kubernetes does; its counts.
    fn end(mut self, uid: &str) -> serde_json::Value {
        self.signal(Signal::SIGTERM);
        let ended = self.tells("ended", uid);
        assert!(self.process.wait().expect("it ends").success());
        ended
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn link(peers: Option<Vec<String>>, impairment: Impairment) -> Link {
    Link {
        pods: vec!["pod-0".to_owned()],
        peers,
        impairment,
    }
}

/// A pod with the fault and a peer without.
struct Pair {
    pod: Space,
    peer: Space,
    node: Node,
}

impl Pair {
    fn new() -> Self {
        let (pod, peer, node) = (Space::new(), Space::new(), Node::new());
        pod.connect(&peer, 0);
        node.runs("pod-0", "uid-1", &pod);
        Self { pod, peer, node }
    }

    fn impaired(impairment: Impairment) -> (Self, Program) {
        let pair = Self::new();
        let mut program = Program::start(&pair.node, None, impairment);
        program.tells("began", "uid-1");
        (pair, program)
    }

    /// How long the pod takes to connect to the peer.
    fn connects(&self) -> Duration {
        connects(&self.pod, &self.peer, PEER)
    }

    /// How many of the pod's packets reach the peer, which reads them as they come.
    fn arrive(&self) -> u32 {
        let bind = || UdpSocket::bind((PEER, PORT)).expect("bound");
        let receiver = self.peer.inside(bind);
        let quiet = Some(Duration::from_secs(2));
        receiver.set_read_timeout(quiet).expect("set");
        std::thread::scope(|scope| {
            scope.spawn(|| self.pod.inside(send));
            let mut buffer = [0u8; 300];
            let mut came = 0;
            while receiver.recv(&mut buffer).is_ok() {
                came += 1;
            }
            came
        })
    }

    fn rules(&self) -> String {
        self.pod.run(&["iptables-save"])
    }
}

/// How many packets arrive under a fault, and what the program has counted.
fn arrived(impairment: Impairment) -> (u32, serde_json::Value) {
    let (pair, program) = Pair::impaired(impairment);
    (pair.arrive(), program.end("uid-1"))
}

fn count(ended: &serde_json::Value, what: &str) -> u32 {
    let count = ended[what].as_u64().and_then(|n| u32::try_from(n).ok());
    count.expect("a count")
}

fn send() {
    let sender = UdpSocket::bind("0.0.0.0:0").expect("bound");
    for _ in 0..PACKETS {
        sender.send_to(&[0u8; 200], (PEER, PORT)).expect("sent");
        // No more at once than the receiver holds.
        pause(Duration::from_micros(500));
    }
}

fn connects(from: &Space, to: &Space, address: Ipv4Addr) -> Duration {
    let listener = to.inside(move || TcpListener::bind((address, PORT)).expect("bound"));
    let took = from.inside(move || {
        let began = Instant::now();
        TcpStream::connect_timeout(&SocketAddr::from((address, PORT)), PATIENCE).expect("connects");
        began.elapsed()
    });
    drop(listener);
    took
}

fn eventually(what: &str, so: impl Fn() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        pause(Duration::from_millis(10));
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "paces packets, and polls with a deadline"
)]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

fn late() -> Impairment {
    Impairment {
        delay: u64::try_from(DELAY.as_micros()).expect("small"),
        ..Impairment::default()
    }
}

#[test]
fn packets_are_late_and_nothing_is_left_afterwards() {
    let (pair, program) = Pair::impaired(late());
    let took = pair.connects();
    assert!(took >= DELAY, "{took:?}");
    let ended = program.end("uid-1");
    assert!(ended["packets"].as_u64() > Some(0), "{ended}");
    assert!(!pair.rules().contains("AZNET"), "{}", pair.rules());
    let took = pair.connects();
    assert!(took < DELAY, "{took:?}");
}

/// A busy receiver may lose more; what the program has lost it never gets.
#[test]
fn packets_are_lost() {
    let (came, ended) = arrived(Impairment {
        loss: 30.0,
        ..Impairment::default()
    });
    let lost = count(&ended, "lost");
    assert!((200..400).contains(&lost), "{ended}");
    assert!((1..=PACKETS - lost).contains(&came), "{came}: {ended}");
}

#[test]
fn packets_come_twice() {
    let (came, ended) = arrived(Impairment {
        duplicate: 50.0,
        ..Impairment::default()
    });
    let twice = count(&ended, "duplicated");
    assert!((400..600).contains(&twice), "{ended}");
    let all = PACKETS + twice;
    assert!((PACKETS + 1..=all).contains(&came), "{came}: {ended}");
}

/// What `aznet-node probe repeats` counts on: a connection that has ended its side is told of the packet that said so twice.
#[test]
fn the_kernel_is_told_of_packets_that_come_twice() {
    let told = |duplicate: f64| {
        let (pair, _program) = Pair::impaired(Impairment {
            duplicate,
            ..Impairment::default()
        });
        let listener = pair
            .peer
            .inside(|| TcpListener::bind((PEER, PORT)).expect("bound"));
        let told = pair.pod.inside(|| {
            let ended = |_| {
                let stream = TcpStream::connect_timeout(&SocketAddr::from((PEER, PORT)), PATIENCE);
                let stream = stream.expect("connects");
                stream.shutdown(Shutdown::Write).expect("ends its side");
                stream
            };
            let before = dsacks();
            let streams: Vec<TcpStream> = (0..50).map(ended).collect();
            pause(Duration::from_millis(500));
            let told = dsacks() - before;
            drop(streams);
            told
        });
        drop(listener);
        told
    };
    assert_eq!(told(0.0), 0);
    let told = told(40.0);
    assert!(
        (8..=40).contains(&told),
        "{told} of 50, where 20 were asked for"
    );
}

/// How often others told this thread's network namespace that they had a packet already.
fn dsacks() -> u64 {
    let table = fs::read_to_string("/proc/thread-self/net/netstat").expect("read");
    let mut lines = table.lines().filter(|line| line.starts_with("TcpExt:"));
    let (names, figures) = (lines.next().expect("names"), lines.next().expect("figures"));
    let mut both = names.split_whitespace().zip(figures.split_whitespace());
    let (_, figure) = both
        .find(|(name, _)| *name == "TCPDSACKRecv")
        .expect("counted");
    figure.parse().expect("a figure")
}

/// The receiver's kernel drops what does not match its checksum.
#[test]
fn packets_are_damaged() {
    let (came, ended) = arrived(Impairment {
        corrupt: 40.0,
        ..Impairment::default()
    });
    let damaged = count(&ended, "damaged");
    assert!((300..500).contains(&damaged), "{ended}");
    assert!((1..=PACKETS - damaged).contains(&came), "{came}: {ended}");
}

/// What one pod may send at once. How late packets are is printed: `--nocapture`.
#[test]
#[expect(clippy::print_stdout, reason = "figures for whoever asks for them")]
fn two_thousand_packets_a_second_are_held_for_as_long_as_asked() {
    let (pair, _program) = Pair::impaired(Impairment {
        delay: 100_000,
        ..Impairment::default()
    });
    let bind = || UdpSocket::bind((PEER, PORT)).expect("bound");
    let receiver = pair.peer.inside(bind);
    let quiet = Some(Duration::from_secs(2));
    receiver.set_read_timeout(quiet).expect("set");
    let began = Instant::now();
    let mut lateness = std::thread::scope(|scope| {
        scope.spawn(|| pair.pod.inside(move || send_stamped(began)));
        let mut buffer = [0u8; 8];
        let mut lateness = Vec::new();
        while receiver.recv(&mut buffer).is_ok() {
            let sent = Duration::from_micros(u64::from_be_bytes(buffer));
            lateness.push(began.elapsed().saturating_sub(sent));
        }
        lateness
    });
    lateness.sort_unstable();
    let at = |percent: usize| lateness[(lateness.len() - 1) * percent / 100];
    println!("p1 {:?}, p50 {:?}, p99 {:?}", at(1), at(50), at(99));
    assert!(at(0) >= Duration::from_millis(100), "{:?}", at(0));
}

/// Two thousand a second for three seconds, each with the microsecond in which it was sent.
fn send_stamped(began: Instant) {
    let sender = UdpSocket::bind("0.0.0.0:0").expect("bound");
    for number in 0..6000u32 {
        let due = Duration::from_micros(500) * number;
        pause(due.saturating_sub(began.elapsed()));
        let now = u64::try_from(began.elapsed().as_micros()).expect("small");
        let sent = sender.send_to(&now.to_be_bytes(), (PEER, PORT));
        sent.expect("sent");
    }
}

#[test]
fn packets_pass_when_the_program_is_killed() {
    let (pair, mut program) = Pair::impaired(late());
    assert!(pair.connects() >= DELAY);
    program.signal(Signal::SIGKILL);
    program.process.wait().expect("it ends");
    assert!(pair.rules().contains("AZNET"), "nobody took them back");
    let took = pair.connects();
    assert!(took < DELAY, "{took:?}");
    // The next one takes over, and takes back.
    let mut program = Program::start(&pair.node, None, late());
    program.tells("began", "uid-1");
    assert!(pair.connects() >= DELAY);
    program.end("uid-1");
    assert!(!pair.rules().contains("AZNET"), "{}", pair.rules());
}

#[test]
fn only_packets_to_the_peers_are_late() {
    let pair = Pair::new();
    let other = Space::new();
    // A second link of the pod, to somebody else.
    other.connect(&pair.pod, 1);
    let mut program = Program::start(&pair.node, Some(vec![PEER.to_string()]), late());
    program.tells("began", "uid-1");
    assert!(pair.connects() >= DELAY);
    let took = connects(&pair.pod, &other, Ipv4Addr::new(10, 250, 1, 2));
    assert!(took < DELAY, "{took:?}");
}

#[test]
fn faults_of_one_pod_add_up() {
    let pair = Pair::new();
    let half = Impairment {
        delay: late().delay / 2,
        ..Impairment::default()
    };
    let emulation = Emulation {
        experiment: "two".to_owned(),
        namespace: NAMESPACE.to_owned(),
        until: u64::MAX,
        beside: 3,
        seed: 7,
        links: vec![link(None, half), link(Some(vec![PEER.to_string()]), half)],
    };
    let mut program = Program::of(&pair.node, &emulation);
    program.tells("began", "uid-1");
    program.tells("began", "uid-1");
    let took = pair.connects();
    assert!(took >= DELAY, "{took:?}");
}

#[test]
fn a_pod_that_is_made_anew_is_found_again() {
    let (pair, mut program) = Pair::impaired(late());
    let next = Space::new();
    next.connect(&pair.peer, 2);
    pair.node.ended(&pair.pod);
    pair.node.runs("pod-0", "uid-2", &next);
    program.tells("ended", "uid-1");
    program.tells("began", "uid-2");
    let took = connects(&next, &pair.peer, Ipv4Addr::new(10, 250, 2, 1));
    assert!(took >= DELAY, "{took:?}");
    program.end("uid-2");
}
