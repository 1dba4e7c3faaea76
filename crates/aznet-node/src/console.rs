//! The lines a person (and `aznet up`) reads.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;

use aznet_kit::error::chain;

/// Prints one line, marked as ours among the lines of the process we become.
pub(crate) fn say(line: impl Display) {
    // A closed stdout must not stop a pod from starting.
    let _ = writeln!(io::stdout().lock(), "aznet-node: {line}");
}

/// Hands on what another program prints.
pub(crate) fn pass_on(output: &[u8]) {
    // As above.
    let _ = io::stdout().lock().write_all(output);
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
