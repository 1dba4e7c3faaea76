//! A question to whoever sits at the terminal.

use std::io::IsTerminal;

use anyhow::Context as _;
use tokio::sync::oneshot;

use crate::context::Context;

/// Whether somebody is there to answer.
pub(crate) fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks, and waits for the answer for as long as it takes; anything but yes is no, and so is Ctrl-C.
pub(crate) async fn ask(question: &str, context: &Context) -> anyhow::Result<bool> {
    context.printer.note(format_args!("{question} [y/N]"));
    let (tell, told) = oneshot::channel();
    // A thread of its own: one of the runtime's would be waited for at the end, and nothing ends a read.
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().read_line(&mut line).map(|_| line);
        let _asker_left = tell.send(read);
    });
    let answer = tokio::select! {
        answer = told => answer.context("the answer is lost")?.context("reading the answer")?,
        () = context.interrupt.token().cancelled() => return Ok(false),
    };
    Ok(matches!(
        answer.trim().to_ascii_lowercase().as_str(),
        "y" | "yes"
    ))
}
