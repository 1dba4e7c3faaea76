//! The lines a person (and `aznet up`) reads.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;

/// Prints one line, marked as ours among the lines of the process we become.
pub(crate) fn say(line: impl Display) {
    // A closed stdout must not stop a pod from starting.
    let _ = writeln!(io::stdout().lock(), "aznet-node: {line}");
}

/// Prints why we give up, and leaves it where Kubernetes shows it as the container's termination message.
pub(crate) fn failure(termination_log: Option<&Path>, failure: &dyn Error) {
    let text = chain(failure);
    say(format_args!("failed: {text}"));
    if let Some(path) = termination_log
        && let Err(error) = std::fs::write(path, &text)
        && error.kind() != io::ErrorKind::NotFound
    {
        say(format_args!(
            "could not write the termination message to {}: {error}",
            path.display()
        ));
    }
}

/// The error and its sources, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}
