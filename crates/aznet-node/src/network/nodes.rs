//! The nodes of somebody else's network that one is to join by: each is tried before Aztec starts, which says nothing of a
//! record that leads nowhere.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use enr::Enr;
use enr::k256::ecdsa::SigningKey;

use crate::console::say;

/// How long a node may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is known of a node by its record.
#[derive(Debug)]
enum Tried {
    Answers(SocketAddr),
    Silent(SocketAddr, io::Error),
    /// It can be found by others, who know its address.
    NoAddress,
    NoRecord(String),
}

/// Tries all of them, and tells which lead nowhere. It keeps nobody from starting: a node that was there before knows others.
pub(crate) fn try_all(records: &[String]) {
    let tried: Vec<Tried> = thread::scope(|scope| {
        let attempts: Vec<_> = records
            .iter()
            .map(|record| scope.spawn(|| attempt(record)))
            .collect();
        let ended = attempts
            .into_iter()
            .filter_map(|attempt| attempt.join().ok());
        ended.collect()
    });
    for (number, tried) in (1..).zip(&tried) {
        say(format_args!(
            "node record {number} of {}: {tried}",
            records.len()
        ));
    }
    if !records.is_empty() && !tried.iter().any(Tried::may_lead_somewhere) {
        say(
            "none of network.bootstrapNodes can be reached: without peers, this node knows only what is on L1; a new bundle of \
             `aznet join` has records of now",
        );
    }
}

fn attempt(record: &str) -> Tried {
    let record: Enr<SigningKey> = match record.parse() {
        Ok(record) => record,
        Err(error) => return Tried::NoRecord(error),
    };
    let v4 = record.tcp4_socket().map(SocketAddr::from);
    let Some(address) = v4.or_else(|| record.tcp6_socket().map(SocketAddr::from)) else {
        return Tried::NoAddress;
    };
    match TcpStream::connect_timeout(&address, PATIENCE) {
        Ok(_) => Tried::Answers(address),
        Err(error) => Tried::Silent(address, error),
    }
}

impl Tried {
    const fn may_lead_somewhere(&self) -> bool {
        matches!(self, Self::Answers(_) | Self::NoAddress)
    }
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answers(address) => write!(f, "{address} answers"),
            Self::Silent(address, error) if error.kind() == ErrorKind::ConnectionRefused => {
                write!(
                    f,
                    "nothing listens at {address}: the record is old, or the node is down"
                )
            }
            Self::Silent(address, error) if error.kind() == ErrorKind::TimedOut => write!(
                f,
                "{address} does not answer: TCP port {} is closed on the way, the record is old, or the node is down",
                address.port()
            ),
            Self::Silent(address, error) => write!(f, "{address} can't be reached: {error}"),
            Self::NoAddress => f.write_str("has no address with a TCP port, and was not tried"),
            Self::NoRecord(error) => write!(f, "is none: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    fn record(port: Option<u16>) -> String {
        let key = SigningKey::from_slice(&[7; 32]).expect("a key");
        let mut record = Enr::builder();
        if let Some(port) = port {
            record.ip4(Ipv4Addr::LOCALHOST).tcp4(port);
        }
        record.build(&key).expect("a record").to_base64()
    }

    #[test]
    fn a_record_that_leads_nowhere_is_told_from_one_that_leads_to_a_node() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("binds");
        let port = listener.local_addr().expect("bound").port();
        let answers = attempt(&record(Some(port)));
        assert_eq!(answers.to_string(), format!("127.0.0.1:{port} answers"));
        drop(listener);
        let old = attempt(&record(Some(port)));
        let words = old.to_string();
        let expected = format!("nothing listens at 127.0.0.1:{port}: the record is old");
        assert!(words.starts_with(&expected), "{words}");
        assert!(!old.may_lead_somewhere());
        let timeout = io::Error::from(ErrorKind::TimedOut);
        let silent = Tried::Silent(([192, 0, 2, 1], 40400).into(), timeout).to_string();
        assert!(
            silent.contains("TCP port 40400 is closed on the way"),
            "{silent}"
        );
        assert!(attempt(&record(None)).may_lead_somewhere());
    }

    #[test]
    fn a_record_that_was_cut_off_or_changed_is_none() {
        let whole = record(Some(1));
        let (start, _) = whole.split_at(whole.len() - 9);
        for text in [start, "enr:-boot"] {
            let tried = attempt(text);
            assert!(matches!(tried, Tried::NoRecord(_)), "{tried}");
        }
    }
}
