//! A program while it runs: fed, drained, and stopped as a group.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Child;
use tokio_util::sync::CancellationToken;

/// Programs get this long to clean up after SIGTERM.
const GRACE: Duration = Duration::from_secs(10);
/// A program that has ended gets this long until its output ends: what it started may hold the pipe for ever.
const DRAIN: Duration = Duration::from_secs(2);
/// How much of a stream is kept; the beginning goes first.
const KEPT: usize = 64 << 20;

/// How following a program ended.
pub(super) enum End {
    Exited(io::Result<ExitStatus>),
    Late,
    Cancelled,
}

/// Feeds and drains the program until it ends, so that neither side waits for the other.
pub(super) async fn follow(
    child: &mut Child,
    input: Vec<u8>,
    (stdout, stderr): (&mut Kept<impl FnMut(&[u8])>, &mut Kept<impl FnMut(&[u8])>),
    deadline: Duration,
    cancel: &CancellationToken,
) -> End {
    let (stdin, out, err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(mut stdin) = stdin {
            // A program that ends early closes its input; its own message says more than a broken pipe.
            let _closed = stdin.write_all(&input).await;
        }
    };
    let streams = async { tokio::join!(feed, stdout.collect(out), stderr.collect(err)) };
    tokio::pin!(streams);
    let late = tokio::time::sleep(deadline);
    tokio::pin!(late);
    let mut drained = false;
    loop {
        tokio::select! {
            status = child.wait() => {
                if !drained {
                    let _held_open = tokio::time::timeout(DRAIN, &mut streams).await;
                }
                return End::Exited(status);
            }
            _ = &mut streams, if !drained => drained = true,
            () = &mut late => return End::Late,
            () = cancel.cancelled() => return End::Cancelled,
        }
    }
}

/// Stops a program started by [`Tool::start`](super::Tool::start) with all that it started: politely, then by force.
pub async fn stop(child: &mut Child) {
    let group = child.id().and_then(|id| i32::try_from(id).ok());
    let Some(group) = group.map(Pid::from_raw) else {
        return;
    };
    // An error means that the group is gone already.
    let _gone = killpg(group, Signal::SIGTERM);
    if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
        let _gone = killpg(group, Signal::SIGKILL);
        let _reaped = tokio::time::timeout(GRACE, child.wait()).await;
    }
}

/// The last part of a stream, all of which `heard` is handed as it comes.
pub(super) struct Kept<F> {
    bytes: Vec<u8>,
    heard: F,
}

impl<F: FnMut(&[u8])> Kept<F> {
    pub(super) fn new(heard: F) -> Self {
        let bytes = Vec::new();
        Self { bytes, heard }
    }

    /// Reads to the end.
    async fn collect(&mut self, from: Option<impl AsyncRead + Unpin>) {
        let Some(mut from) = from else {
            return;
        };
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            (self.heard)(&buffer[..count]);
            self.bytes.extend_from_slice(&buffer[..count]);
            if self.bytes.len() > 2 * KEPT {
                self.bytes.drain(..self.bytes.len() - KEPT);
            }
        }
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}
