//! Stays beside anvil: hands on signals, keeps the whole copy of its state, records that its clock was brought to the
//! present, keeps its blocks in step with the slots, and ends as it ends.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use aznet_kit::error::chain;
use aznet_kit::wait::pause;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::console::say;
use crate::l1::L1;
use crate::l1::clock;
use crate::roles::anvil::state::{State, StateFiles};

/// The copy is made at most this often …
const COPY_EVERY: Duration = Duration::from_secs(10);
/// … and, of a state that takes long to copy, so rarely that copying takes at most 1/50 of the time.
const COPY_SHARE: u32 = 50;
/// More often than anvil writes its state: what is on the disk after the release is always known to be.
const RELEASE_EVERY: Duration = Duration::from_millis(250);
/// How often the time of the latest block is looked at.
const STEP_EVERY: Duration = Duration::from_secs(1);

/// Starts the child and waits for its end; its exit code becomes ours.
/// `fresh`: the chain is new, and has yet to be brought to the present.
pub(crate) fn run(
    mut command: Command,
    files: &StateFiles,
    l1: L1,
    fresh: bool,
) -> io::Result<ExitCode> {
    // Before the child starts, so that none is missed; the child has handlers of its own.
    let signals = Signals::new([SIGTERM, SIGINT])?;
    let child = command.spawn()?;
    let pid = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
    thread::spawn(move || forward(signals, pid));
    let copied = files.clone();
    thread::spawn(move || keep_copies(&copied));
    let recorded = fresh.then(|| files.clone());
    thread::spawn(move || {
        if let Some(files) = recorded {
            record_release(&files, &l1);
        }
        keep_in_step(&l1);
    });
    wait(child)
}

fn forward(mut signals: Signals, to: Pid) {
    for signal in signals
        .forever()
        .filter_map(|number| Signal::try_from(number).ok())
    {
        say(format_args!("passing {signal} on"));
        if kill(to, signal) == Err(Errno::ESRCH) {
            return;
        }
    }
}

fn wait(mut child: Child) -> io::Result<ExitCode> {
    let status = child.wait()?;
    Ok(ExitCode::from(code(status)))
}

/// The code a shell gives: 128 + signal for a process that was killed.
fn code(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// Until it is done: the boot node brings the clock to the present whenever it has deployed the contracts.
fn record_release(files: &StateFiles, l1: &L1) {
    loop {
        // anvil does not answer while it starts.
        if matches!(l1.interval_mining(), Ok(Some(_))) {
            let recorded = l1
                .block("latest")
                .map_err(|error| chain(&error))
                .and_then(|block| {
                    let recorded = files.record_release(block.timestamp.to());
                    recorded.map_err(|error| chain(&error))
                });
            match recorded {
                Ok(()) => return,
                Err(reason) => say(format_args!(
                    "could not record that the L1's clock is at the present: {reason}"
                )),
            }
        }
        pause(RELEASE_EVERY);
    }
}

/// What is out of step is so for at most one block more.
fn keep_in_step(l1: &L1) {
    loop {
        pause(STEP_EVERY);
        // While it starts, or has too much to do, anvil doesn't answer; the next look tells.
        let _unanswered = clock::keep_in_step(l1);
    }
}

fn keep_copies(files: &StateFiles) {
    let mut copied = None;
    let mut every = COPY_EVERY;
    loop {
        pause(every);
        let Ok(modified) = fs::metadata(&files.live).and_then(|meta| meta.modified()) else {
            continue;
        };
        if copied == Some(modified) {
            continue;
        }
        let begun = Instant::now();
        if let Some(time) = copy(files, modified) {
            copied = Some(time);
        }
        every = COPY_EVERY.max(begun.elapsed() * COPY_SHARE);
    }
}

/// Copies the state; `None` if anvil wrote meanwhile, which the next round makes good.
fn copy(files: &StateFiles, modified: SystemTime) -> Option<SystemTime> {
    let half = files.whole.with_extension("part");
    let copied = fs::copy(&files.live, &half)
        .and_then(|_| State::read(&half))
        // The copy is what is left after a loss of power.
        .and_then(|_| File::open(&half)?.sync_data());
    match copied.and_then(|()| fs::rename(&half, &files.whole)) {
        Ok(()) => Some(modified),
        Err(error)
            if error.kind() == io::ErrorKind::InvalidData
                || error.kind() == io::ErrorKind::UnexpectedEof =>
        {
            None
        }
        Err(error) => {
            say(format_args!(
                "can't copy the L1's state to {}: {error}",
                files.whole.display()
            ));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_of_a_shell() {
        assert_eq!(code(ExitStatus::from_raw(0)), 0);
        assert_eq!(code(ExitStatus::from_raw(3 << 8)), 3);
        assert_eq!(code(ExitStatus::from_raw(9)), 137);
    }
}
