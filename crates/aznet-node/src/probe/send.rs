//! How much gets out of a pod that sends as fast as it may.

use std::net::{IpAddr, UdpSocket};
use std::time::{Duration, Instant};

use aznet_model::probe::Sent;

use super::error::{ProbeError, socket};

/// Kept for what is thrown away.
const DISCARD: u16 = 9;
/// Fits any link.
const DATAGRAM: usize = 1200;
/// How often the pace is kept.
const TICK: Duration = Duration::from_millis(5);
const COUNTERS: &str = "/proc/net/dev";

/// Sends datagrams at `rate`, waiting where the link takes no more, and counts what leaves the interfaces.
pub(super) fn to(to: IpAddr, rate: u64, during: Duration) -> Result<Sent, ProbeError> {
    let any: IpAddr = if to.is_ipv4() {
        [0, 0, 0, 0].into()
    } else {
        [0u16; 8].into()
    };
    let link = UdpSocket::bind((any, 0)).map_err(socket("open a UDP socket"))?;
    let limited = link
        .set_write_timeout(Some(TICK))
        .and_then(|()| link.set_read_timeout(Some(TICK)));
    limited.map_err(socket("limit a UDP socket"))?;
    let (begun, before) = (Instant::now(), left()?);
    let mut offered = 0;
    while begun.elapsed() < during {
        let due = rate.saturating_mul(millis(begun.elapsed())) / 1000;
        while offered < due && begun.elapsed() < during {
            // What the link does not take, or nobody wants, is part of the measurement.
            let _ = link.send_to(&[0; DATAGRAM], (to, DISCARD));
            offered += DATAGRAM as u64;
        }
        // Nobody answers: this takes a tick.
        let _ = link.recv(&mut [0]);
    }
    Ok(Sent {
        bytes: left()?.saturating_sub(before),
        millis: millis(begun.elapsed()),
    })
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Bytes that have left so far.
fn left() -> Result<u64, ProbeError> {
    let table = std::fs::read_to_string(COUNTERS);
    let table = table.map_err(|source| ProbeError::Read {
        path: COUNTERS,
        source,
    })?;
    Ok(total(&table))
}

/// The ninth figure of each interface but the loopback one.
fn total(table: &str) -> u64 {
    let interfaces = table.lines().filter_map(|line| line.split_once(':'));
    let sent = interfaces
        .filter(|(name, _)| name.trim() != "lo")
        .filter_map(|(_, figures)| figures.split_whitespace().nth(8)?.parse::<u64>().ok());
    sent.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_left_the_interfaces_is_counted_without_the_loopback() {
        let table = "Inter-|   Receive                                                |  Transmit\n \
            face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets\n    \
            lo: 1 1 0 0 0 0 0 0 5000 1 0 0 0 0 0 0\n  \
            eth0: 2 2 0 0 0 0 0 0 700 2 0 0 0 0 0 0\n";
        assert_eq!(total(table), 700);
    }
}
