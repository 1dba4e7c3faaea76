//! Waiting, for tasks that have no runtime.

use anyhow::{Result, bail};
use std::time::{Duration, Instant};

pub(crate) const POLL: Duration = Duration::from_millis(100);

/// Polls until `done`; the error names what was waited for.
pub(crate) fn wait(
    what: &str,
    deadline: Duration,
    mut done: impl FnMut() -> Result<bool>,
) -> Result<()> {
    let began = Instant::now();
    while !done()? {
        if began.elapsed() > deadline {
            bail!("{what}: not within {} s", deadline.as_secs());
        }
        pause(POLL);
    }
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the poll interval of waits with deadlines, and a sampling window"
)]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}
