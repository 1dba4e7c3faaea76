//! Packets that come twice, as the kernel notices them: whoever waits for one sees nothing of the other.

use std::net::SocketAddr;
use std::time::Duration;

use aznet_model::probe::Repeats;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::error::{ProbeError, socket};

const COUNTERS: &str = "/proc/net/netstat";
/// Somebody else says that it had what it gets.
const TOLD: &str = "TCPDSACKRecv";
/// A connection that has begun is asked to begin.
const NOTICED: &str = "TCPSYNChallenge";

/// The kernel's account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Account {
    told: u64,
    noticed: u64,
}

/// Begins connections and ends this side of them: the packets that say so are few, and each is answered.
pub(super) fn all(to: &[SocketAddr], within: Duration) -> Result<Repeats, ProbeError> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build().map_err(socket("start"))?;
    let before = account()?;
    let connections = runtime.block_on(async {
        let mut all = JoinSet::new();
        for address in to {
            all.spawn(connection(*address, within));
        }
        let ended = all.join_all().await;
        ended.into_iter().filter(|made| *made).count()
    });
    let after = account()?;
    Ok(Repeats {
        connections: u64::try_from(connections).unwrap_or(u64::MAX),
        told: after.told.saturating_sub(before.told),
        noticed: after.noticed.saturating_sub(before.noticed),
    })
}

/// Whether it was made. It stays until the time is over: the kernel hears nothing for one that is gone.
async fn connection(to: SocketAddr, within: Duration) -> bool {
    let end = tokio::time::Instant::now() + within;
    let Ok(Ok(mut stream)) = tokio::time::timeout_at(end, TcpStream::connect(to)).await else {
        return false;
    };
    let made = stream.shutdown().await.is_ok();
    tokio::time::sleep_until(end).await;
    made
}

fn account() -> Result<Account, ProbeError> {
    let table = std::fs::read_to_string(COUNTERS).map_err(|source| ProbeError::Read {
        path: COUNTERS,
        source,
    })?;
    of(&table).ok_or(ProbeError::NoFigures {
        what: "packets that came twice",
        places: &[COUNTERS],
    })
}

/// A line of names and one of figures for each part of the kernel.
fn of(table: &str) -> Option<Account> {
    let mut lines = table.lines().filter(|line| line.starts_with("TcpExt:"));
    let (names, figures) = (lines.next()?, lines.next()?);
    let figure = |wanted: &str| {
        let mut both = names.split_whitespace().zip(figures.split_whitespace());
        let (_, figure) = both.find(|(name, _)| *name == wanted)?;
        figure.parse().ok()
    };
    Some(Account {
        told: figure(TOLD)?,
        noticed: figure(NOTICED)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_by_their_names() {
        let table = "IpExt: InNoRoutes\nIpExt: 9\nTcpExt: SyncookiesSent TCPDSACKRecv TCPSYNChallenge\nTcpExt: 1 2 3\n";
        let (told, noticed) = (2, 3);
        assert_eq!(of(table), Some(Account { told, noticed }));
        assert_eq!(of("TcpExt: SyncookiesSent\nTcpExt: 1\n"), None);
    }

    #[test]
    fn connections_that_are_made_are_counted() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("listens");
        let open = listener.local_addr().expect("address");
        let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("listens");
        let refused = closed.local_addr().expect("address");
        drop(closed);
        let counted = all(&[open, open, refused], Duration::from_millis(200)).expect("counts");
        assert_eq!(counted.connections, 2);
    }
}
