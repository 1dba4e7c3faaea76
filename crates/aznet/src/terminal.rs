//! The terminal's own echo of `^C`, which would tear live lines apart: off while they are drawn.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use nix::unistd::{getpgrp, tcgetpgrp};

/// A terminal that does not show control characters; as it was before when this is dropped.
#[derive(Debug)]
pub(crate) struct Quiet(Mutex<Option<Termios>>);

impl Quiet {
    /// Quietens the terminal on stdin, if there is one and it is ours: a job in the background must not touch it.
    pub(crate) fn new() -> Self {
        Self(Mutex::new(quieten()))
    }

    /// Puts the terminal back.
    pub(crate) fn restore(&self) {
        let saved = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(error) =
            saved.and_then(|saved| tcsetattr(std::io::stdin(), SetArg::TCSANOW, &saved).err())
        {
            tracing::warn!(%error, "the terminal keeps its settings");
        }
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        self.restore();
    }
}

fn quieten() -> Option<Termios> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() || tcgetpgrp(&stdin).ok()? != getpgrp() {
        return None;
    }
    let saved = tcgetattr(&stdin).ok()?;
    let mut quiet = saved.clone();
    quiet.local_flags.remove(LocalFlags::ECHOCTL);
    tcsetattr(&stdin, SetArg::TCSANOW, &quiet).ok()?;
    Some(saved)
}
