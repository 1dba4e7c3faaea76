//! Ctrl-C: once stops the work at hand and lets it clean up; twice leaves at once.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::exit::Exit;
use crate::printer::Printer;

/// What Ctrl-C does at the moment. Clones share it.
#[derive(Debug, Clone)]
pub struct Interrupt {
    token: CancellationToken,
    cleanup: Arc<Mutex<Option<String>>>,
}

impl Interrupt {
    /// Begins to listen for SIGINT and SIGTERM.
    pub fn listen(printer: &Printer) -> std::io::Result<Self> {
        let this = Self { token: CancellationToken::new(), cleanup: Arc::default() };
        let interrupts = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        tokio::spawn(this.clone().obey(interrupts, printer.clone()));
        Ok(this)
    }

    /// Is cancelled by the first Ctrl-C.
    pub fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Names the command that removes what exists by now, for someone who leaves in a hurry.
    pub fn cleaned_up_by(&self, command: impl Into<String>) {
        *self.cleanup.lock().unwrap_or_else(PoisonError::into_inner) = Some(command.into());
    }

    /// The command given to [`Self::cleaned_up_by`].
    pub fn cleanup(&self) -> Option<String> {
        self.cleanup.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn obey(self, (mut int, mut term): (Signal, Signal), printer: Printer) {
        next(&mut int, &mut term).await;
        self.token.cancel();
        printer.note("stopping; press Ctrl-C again to leave at once");
        next(&mut int, &mut term).await;
        match self.cleanup() {
            Some(command) => printer.note(format_args!("left at once; to clean up: {command}")),
            None => printer.note("left at once; nothing was made"),
        }
        std::process::exit(Exit::Interrupted.code().into());
    }
}

async fn next(int: &mut Signal, term: &mut Signal) {
    tokio::select! { _ = int.recv() => {}, _ = term.recv() => {} }
}
