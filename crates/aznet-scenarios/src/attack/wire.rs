//! A way to a node's RPC on which anything can be sent, and what comes back on it.

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use aznet_kit::error::chain;
use aznet_network::clients::forward::{ConnectionError, Forward, Target};
use aznet_runner::Failure;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_util::sync::DropGuard;

use super::corpus::{in_two_parts, is_result, is_timeout, is_whole, sound};
use crate::world::World;

/// What an answer may take.
const TO_ANSWER: Duration = Duration::from_secs(20);
/// What of an answer is read.
const READ: u64 = 64 << 10;
/// A node's JSON-RPC port.
const PORT: u16 = 8080;

/// The way to a pod, open as long as it is there.
pub(super) struct Wire {
    pod: String,
    at: SocketAddr,
    /// Why a connection did not come as far as the pod: the first that did not.
    unopened: Arc<OnceLock<String>>,
    _open: DropGuard,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// These bytes.
    Bytes(Vec<u8>),
    /// Nothing, and the connection was closed or broke.
    Closed,
    /// Nothing in time.
    Silence,
}

/// Requests that are begun and not finished, each on a connection of its own on which the node has answered another.
pub(super) struct Held(Vec<(TcpStream, Vec<u8>)>);

/// What became of held requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends {
    /// Those that were answered when they were finished.
    pub(super) answered: usize,
    /// Those that the node ended by its own timeout.
    pub(super) timed_out: usize,
}

impl Wire {
    /// Opens it, and sees that a sound request is answered on it.
    ///
    /// # Errors
    /// [`Failure::Infrastructure`] if none is.
    pub(super) async fn open(world: &World, pod: &str) -> Result<Self, Failure> {
        let unopened = Arc::new(OnceLock::new());
        let note = unopened.clone();
        let cancel = world.context.cancel.child_token();
        let forward = Forward::open(
            &world.network,
            Target::Pod(pod.to_owned()),
            PORT,
            0,
            Arc::new(move |error| {
                tracing::debug!(%error, "a connection of the attacker ended");
                if !matches!(error, ConnectionError::Broken { .. }) {
                    // The first says enough.
                    let _ = note.set(chain(&error));
                }
            }),
            cancel.clone(),
        );
        let forward = forward.await.map_err(Failure::infrastructure)?;
        let wire = Self {
            pod: pod.to_owned(),
            at: forward.local(),
            unopened,
            _open: cancel.drop_guard(),
        };
        wire.carries().await?;
        Ok(wire)
    }

    /// Sees that a sound request is answered on it.
    ///
    /// # Errors
    /// [`Failure::Infrastructure`] if it is not: nothing that was sent need have come as far as the node.
    pub(super) async fn carries(&self) -> Result<(), Failure> {
        let answer = self.exchange(&sound()).await?;
        if matches!(&answer, Answer::Bytes(bytes) if is_result(bytes)) {
            return Ok(());
        }
        Err(self.broken(&format!("a sound request was not answered: {answer}")))
    }

    /// Sends a request, and reads until the connection is closed.
    ///
    /// # Errors
    /// [`Failure::Infrastructure`] if a connection could not be opened.
    pub(super) async fn exchange(&self, bytes: &[u8]) -> Result<Answer, Failure> {
        let mut stream = self.connect().await?;
        let mut answer = Vec::new();
        let exchanged = async {
            let (read, mut write) = stream.split();
            let mut read = read.take(READ);
            // Who refuses a request need not read all of it.
            futures::join!(write.write_all(bytes), read.read_to_end(&mut answer))
        };
        let in_time = timeout(TO_ANSWER, exchanged).await.is_ok();
        if !answer.is_empty() {
            return Ok(Answer::Bytes(answer));
        }
        if let Some(why) = self.unopened.get() {
            return Err(self.broken(why));
        }
        Ok(if in_time {
            Answer::Closed
        } else {
            Answer::Silence
        })
    }

    /// Begins so many requests that are not finished while they are held.
    ///
    /// # Errors
    /// [`Failure::Infrastructure`] if the node does not answer a first request on each of the connections.
    pub(super) async fn hold(&self, count: usize) -> Result<Held, Failure> {
        let mut held = Vec::new();
        for _ in 0..count {
            let mut stream = self.connect().await?;
            let (first, rest) = in_two_parts();
            // It is the node that has the connection: a forward accepts any.
            let answered = ask(&mut stream, &[first.as_slice(), &rest].concat()).await;
            if !answered.as_deref().is_ok_and(is_result) {
                let seen = told(answered);
                let words = format!("a sound request was not answered before a slow one: {seen}");
                return Err(self.broken(&words));
            }
            let begun = stream.write_all(&first).await;
            begun.map_err(Failure::infrastructure)?;
            held.push((stream, rest));
        }
        Ok(Held(held))
    }

    /// Finishes them: what is answered then was held by the node until now.
    ///
    /// # Errors
    /// [`Failure::Infrastructure`] if one was neither held nor ended by the node's timeout.
    pub(super) async fn finish(&self, held: Held) -> Result<Ends, Failure> {
        let mut ends = Ends {
            answered: 0,
            timed_out: 0,
        };
        let all = held.0.len();
        for (mut stream, rest) in held.0 {
            match ask(&mut stream, &rest).await {
                Ok(answer) if is_result(&answer) => ends.answered += 1,
                Ok(answer) if is_timeout(&answer) => ends.timed_out += 1,
                other => {
                    let seen = told(other);
                    let words = format!(
                        "one of {all} slow requests was neither held nor ended by a timeout: {seen}"
                    );
                    return Err(self.broken(&words));
                }
            }
        }
        Ok(ends)
    }

    async fn connect(&self) -> Result<TcpStream, Failure> {
        TcpStream::connect(self.at)
            .await
            .map_err(Failure::infrastructure)
    }

    fn broken(&self, why: &str) -> Failure {
        let why = match self.unopened.get() {
            Some(unopened) if unopened != why => format!("{why}; {unopened}"),
            _ => why.to_owned(),
        };
        Failure::Infrastructure(format!("the way to {}:{PORT}: {why}", self.pod))
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bytes(bytes) => {
                let text = String::from_utf8_lossy(bytes);
                let begin: String = text.chars().take(300).collect();
                write!(f, "`{begin}`")
            }
            Self::Closed => f.write_str("the connection ended without an answer"),
            Self::Silence => write!(f, "no answer in {} s", TO_ANSWER.as_secs()),
        }
    }
}

/// Writes to a connection, and reads one answer of it; it stays open.
async fn ask(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let asked = async {
        let mut answer = Vec::new();
        // Whoever has given up on it has said so; that would be lost if more were written then.
        if matches!(stream.try_read_buf(&mut answer), Ok(1..)) {
            return Ok(answer);
        }
        stream.write_all(bytes).await?;
        while !is_whole(&answer) && !is_timeout(&answer) && (answer.len() as u64) < READ {
            if stream.read_buf(&mut answer).await? == 0 {
                break;
            }
        }
        Ok(answer)
    };
    timeout(TO_ANSWER, asked).await?
}

/// What came of a request, in words.
fn told(answer: std::io::Result<Vec<u8>>) -> String {
    match answer {
        Ok(bytes) if bytes.is_empty() => Answer::Closed.to_string(),
        Ok(bytes) => Answer::Bytes(bytes).to_string(),
        Err(error) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tokio_util::sync::CancellationToken;

    use super::*;

    const RESULT: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"result\":{}}";

    /// The way to a server that answers the requests of each connection so, one after another, and closes it then.
    async fn to(answers: &'static [&'static [u8]]) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("an address");
        let serve = async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let end = &sound()[sound().len() - 10..];
                    for answer in answers {
                        let mut seen = Vec::new();
                        while !seen.ends_with(end) {
                            match stream.read_buf(&mut seen).await {
                                Ok(1..) => {}
                                _ => return,
                            }
                        }
                        let _ = stream.write_all(answer).await;
                    }
                });
            }
        };
        tokio::spawn(serve);
        Wire {
            pod: "full-node-0".to_owned(),
            at,
            unopened: Arc::default(),
            _open: CancellationToken::new().drop_guard(),
        }
    }

    #[tokio::test]
    async fn a_way_that_leads_nowhere_carries_nothing() {
        let wire = to(&[RESULT]).await;
        assert!(wire.carries().await.is_ok());
        let nowhere = to(&[]).await;
        let seen = nowhere.exchange(&sound()).await;
        assert!(matches!(seen, Ok(Answer::Closed)), "{seen:?}");
        let carries = nowhere.carries().await;
        assert!(
            matches!(&carries, Err(Failure::Infrastructure(words)) if words.contains("without an answer")),
            "{carries:?}"
        );
        // A connection that did not come as far as the node was not closed by it.
        nowhere.unopened.set("no pod".to_owned()).expect("once");
        let seen = nowhere.exchange(&sound()).await;
        assert!(
            matches!(&seen, Err(Failure::Infrastructure(words)) if words.ends_with("no pod")),
            "{seen:?}"
        );
    }

    #[tokio::test]
    async fn slow_requests_are_held_if_they_are_answered_in_the_end() {
        const TIMEOUT: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n";
        let wire = to(&[RESULT, RESULT]).await;
        let held = wire.hold(3).await.expect("three");
        let ends = wire.finish(held).await;
        assert!(
            matches!(
                ends,
                Ok(Ends {
                    answered: 3,
                    timed_out: 0
                })
            ),
            "{ends:?}"
        );
        let impatient = to(&[RESULT, TIMEOUT]).await;
        let held = impatient.hold(2).await.expect("two");
        let ends = impatient.finish(held).await;
        assert!(
            matches!(
                ends,
                Ok(Ends {
                    answered: 0,
                    timed_out: 2
                })
            ),
            "{ends:?}"
        );
        let gone = to(&[RESULT]).await;
        let held = gone.hold(2).await.expect("two");
        let ends = gone.finish(held).await;
        assert!(matches!(ends, Err(Failure::Infrastructure(_))), "{ends:?}");
        // Nor is a connection held that nobody has answered on.
        let held = to(&[]).await.hold(1).await.map(drop);
        assert!(matches!(held, Err(Failure::Infrastructure(_))), "{held:?}");
    }
}
