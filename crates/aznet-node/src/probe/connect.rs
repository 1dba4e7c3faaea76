//! Connections over TCP.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use aznet_model::probe::Attempt;
use tokio::net::TcpSocket;
use tokio::task::JoinSet;

use super::error::{ProbeError, socket};

/// So many begin at once: where answers are late, more would fill the queues of those who are to answer.
const AT_ONCE: usize = 20;
/// And then as many more.
const PAUSE: Duration = Duration::from_millis(50);

/// Tries all addresses, none waiting for another.
pub(super) fn all(to: &[SocketAddr], within: Duration) -> Result<Vec<Attempt>, ProbeError> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build().map_err(socket("start"))?;
    runtime.block_on(async {
        let mut attempts = JoinSet::new();
        for (group, some) in to.chunks(AT_ONCE).enumerate() {
            if group > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            for address in some {
                attempts.spawn(attempt(*address, within));
            }
        }
        let ended = attempts.join_all().await;
        let ended: io::Result<Vec<Attempt>> = ended.into_iter().collect();
        ended.map_err(socket("open a TCP socket"))
    })
}

async fn attempt(to: SocketAddr, within: Duration) -> io::Result<Attempt> {
    // Bound before it connects: an attempt that nobody answers has a port, too.
    let socket = if to.is_ipv4() {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::UNSPECIFIED, 0).into())?;
        socket
    } else {
        let socket = TcpSocket::new_v6()?;
        socket.bind((Ipv6Addr::UNSPECIFIED, 0).into())?;
        socket
    };
    let from_port = socket.local_addr()?.port();
    let begun = Instant::now();
    let answered = match tokio::time::timeout(within, socket.connect(to)).await {
        Ok(Ok(_)) => true,
        Ok(Err(error)) => error.kind() == ErrorKind::ConnectionRefused,
        Err(_) => false,
    };
    let micros = u64::try_from(begun.elapsed().as_micros()).ok();
    Ok(Attempt {
        to,
        from_port,
        micros: micros.filter(|_| answered),
    })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn an_answer_is_told_from_silence_and_a_refusal_is_an_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
        let open = listener.local_addr().expect("address");
        let closed = TcpListener::bind("127.0.0.1:0").expect("listens");
        let refused = closed.local_addr().expect("address");
        drop(closed);
        let within = Duration::from_secs(5);
        let measured = all(&[open, refused], within).expect("measures");
        assert!(
            measured.iter().all(|one| one.micros.is_some()),
            "{measured:?}"
        );
        // Its queue is full with the one connection that nobody accepts.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.expect("a runtime");
        let full = runtime.block_on(async {
            let socket = TcpSocket::new_v4().expect("a socket");
            socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("bound");
            socket.listen(0).expect("listens")
        });
        let silent = full.local_addr().expect("address");
        let _waits = std::net::TcpStream::connect(silent).expect("connected");
        let measured = all(&[silent], Duration::from_millis(200)).expect("measures");
        assert!(
            measured[0].micros.is_none() && measured[0].from_port != 0,
            "{measured:?}"
        );
    }
}
