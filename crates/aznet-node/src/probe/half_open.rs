//! Connections that were begun and not completed: the first packet came in, and what this end says does not get through.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use aznet_kit::wait::{self, Deadline, Look};
use aznet_model::probe::HalfOpen;

use super::error::ProbeError;

/// The state `SYN_RECV`, as the kernel prints it.
const SYN_RECV: &str = "03";

/// How often is looked: one whose answers this end may not even send is forgotten after a second.
const PACE: Duration = Duration::from_millis(100);

/// All of this network namespace that are seen in that time.
pub(super) fn during(time: Duration) -> Result<BTreeSet<HalfOpen>, ProbeError> {
    let mut found = BTreeSet::new();
    let deadline = Deadline::after(2 * time).every(PACE);
    wait::until_blocking("the time to look", deadline, |passed| {
        look(&mut found)?;
        Ok::<_, ProbeError>(if passed < time {
            Look::pending("looking")
        } else {
            Look::Done(())
        })
    })?;
    Ok(found)
}

fn look(found: &mut BTreeSet<HalfOpen>) -> Result<(), ProbeError> {
    for path in ["/proc/net/tcp", "/proc/net/tcp6"] {
        match std::fs::read_to_string(path) {
            Ok(table) => found.extend(of(&table)),
            // A kernel without IPv6.
            Err(error) if path.ends_with('6') && error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(ProbeError::Read { path, source }),
        }
    }
    Ok(())
}

fn of(table: &str) -> impl Iterator<Item = HalfOpen> {
    table.lines().skip(1).filter_map(|line| {
        let mut fields = line.split_whitespace().skip(2);
        let (remote, state) = (fields.next()?, fields.next()?);
        (state == SYN_RECV).then(|| address(remote).map(HalfOpen))?
    })
}

/// An address as the kernel prints it: words in the machine's order of bytes.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let words =
        (0..ip.len() / 8).map(|word| u32::from_str_radix(ip.get(word * 8..word * 8 + 8)?, 16).ok());
    let words: Option<Vec<u32>> = words.collect();
    let ip: IpAddr = match words?.as_slice() {
        [word] => Ipv4Addr::from(word.to_ne_bytes()).into(),
        [a, b, c, d] => {
            let bits = [a, b, c, d].map(|word| u32::from_be_bytes(word.to_ne_bytes()));
            let bits = bits
                .iter()
                .fold(0u128, |all, word| all << 32 | u128::from(*word));
            Ipv6Addr::from(bits).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
#[cfg(target_endian = "little")]
mod tests {
    use super::*;

    #[test]
    fn only_connections_that_were_not_completed_are_told() {
        let table = "  sl  local_address rem_address   st\n\
            0: 0100007F:1F90 00000000:0000 0A 0\n\
            1: 0200580A:1F90 0300580A:9C40 03 0\n\
            2: 0000000000000000FFFF00000200580A:1F90 0000000000000000FFFF00000400580A:9C41 03 0\n\
            3: 0200580A:1F90 0300580A:9C42 01 0\n";
        let found: Vec<String> = of(table).map(|one| one.0.to_string()).collect();
        assert_eq!(found, ["10.88.0.3:40000", "10.88.0.4:40001"]);
    }
}
