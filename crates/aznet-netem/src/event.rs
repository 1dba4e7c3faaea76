//! What the program tells whoever started it.

use std::io::{self, Write};

use serde::Serialize;

use crate::fate::Counts;

/// What is told on stdout, a line of JSON each.
#[derive(Debug, Serialize)]
#[serde(
    tag = "event",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub(crate) enum Event<'a> {
    /// The fault is done to a pod.
    Began { pod: &'a str, uid: &'a str },
    /// It no longer is, and its rules are gone.
    Ended {
        pod: &'a str,
        uid: &'a str,
        #[serde(flatten)]
        counts: Counts,
    },
    /// It can't be done to a pod, or not be taken back; tried again.
    Refused {
        pod: &'a str,
        uid: &'a str,
        error: String,
    },
    /// A name at the other end has no address.
    Unknown { peer: &'a str, error: String },
    /// The program gives up.
    Failed { error: String },
}

/// Prints it.
pub(crate) fn tell(event: &Event<'_>) {
    let line = serde_json::to_string(event).unwrap_or_default();
    // Whoever read it may be gone; the fault goes on.
    let _ = writeln!(io::stdout().lock(), "{line}");
}
