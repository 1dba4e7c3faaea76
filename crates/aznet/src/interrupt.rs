//! Ctrl-C: once stops the work at hand and lets it clean up; twice leaves at once.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::exit::Exit;
use crate::left::Left;
use crate::printer::Printer;
use crate::terminal::Quiet;

/// What Ctrl-C does at the moment. Clones share it.
#[derive(Debug, Clone)]
pub struct Interrupt {
    token: CancellationToken,
    terminal: Arc<Quiet>,
    left: Arc<Mutex<Option<Left>>>,
}

impl Interrupt {
    /// Begins to listen for SIGINT and SIGTERM.
    pub(crate) fn listen(printer: &Printer, terminal: &Arc<Quiet>) -> std::io::Result<Self> {
        let this = Self {
            token: CancellationToken::new(),
            terminal: Arc::clone(terminal),
            left: Arc::default(),
        };
        let interrupts = (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        );
        tokio::spawn(this.clone().obey(interrupts, printer.clone()));
        Ok(this)
    }

    /// Is cancelled by the first Ctrl-C.
    pub fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Notes what the run would leave if it were interrupted now.
    pub fn leaves(&self, what: impl Into<String>, next: impl Into<String>) {
        self.note(Left {
            what: what.into(),
            next: next.into(),
            at_once: None,
        });
    }

    /// The same where a second Ctrl-C, which leaves no time to clean up, leaves something else.
    pub fn leaves_or(
        &self,
        what: impl Into<String>,
        next: impl Into<String>,
        at_once: impl Into<String>,
        next_then: impl Into<String>,
    ) {
        self.note(Left {
            what: what.into(),
            next: next.into(),
            at_once: Some((at_once.into(), next_then.into())),
        });
    }

    fn note(&self, left: Left) {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = Some(left);
    }

    /// What was noted last.
    pub fn left(&self) -> Option<Left> {
        self.left
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    async fn obey(self, (mut int, mut term): (Signal, Signal), printer: Printer) {
        next(&mut int, &mut term).await;
        self.token.cancel();
        if self.left().is_some() {
            printer.note("stopping; press Ctrl-C again to exit immediately");
        }
        next(&mut int, &mut term).await;
        if let Some(left) = self.left() {
            let (what, next) = left.at_once.unwrap_or((left.what, left.next));
            printer.note(format_args!("exited immediately: {what}; {next}"));
        }
        self.terminal.restore();
        std::process::exit(Exit::Interrupted.code().into());
    }
}

async fn next(int: &mut Signal, term: &mut Signal) {
    tokio::select! { _ = int.recv() => {}, _ = term.recv() => {} }
}
