//! The shell commands that a page of the documentation shows in its blocks of code.

/// A command, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Line of the page, from 1.
    pub(crate) line: usize,
    /// As written, without its comment.
    pub(crate) text: String,
}

/// The commands of a page in Markdown, in order. A line that goes on after a backslash is one; what a fenced block of
/// another language shows is none.
pub(crate) fn shown(page: &str) -> Vec<Shown> {
    let mut found: Vec<Shown> = Vec::new();
    let mut fence: Option<bool> = None;
    let mut goes_on = false;
    for (index, line) in page.lines().enumerate() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            let shell = ["", "sh", "bash", "shell", "console"].contains(&language.trim());
            fence = if fence.is_some() { None } else { Some(shell) };
            continue;
        }
        let code = match fence {
            Some(shell) => shell.then_some(line),
            None => line.strip_prefix("    "),
        };
        let Some(code) = code.map(without_comment).filter(|code| !code.is_empty()) else {
            goes_on = false;
            continue;
        };
        let (text, more) = match code.strip_suffix('\\') {
            Some(text) => (text.trim_end(), true),
            None => (code, false),
        };
        match found.last_mut() {
            Some(last) if goes_on => last.text = format!("{} {}", last.text, text.trim_start()),
            _ => found.push(Shown {
                line: index + 1,
                text: text.trim_start().trim_start_matches("$ ").to_owned(),
            }),
        }
        goes_on = more;
    }
    found
}

/// Up to a `#` that begins a word outside of quotes.
fn without_comment(line: &str) -> &str {
    let mut quote = None;
    let mut before = ' ';
    for (at, sign) in line.char_indices() {
        match quote {
            Some(mark) if mark == sign => quote = None,
            None if matches!(sign, '"' | '\'') => quote = Some(sign),
            None if sign == '#' && before.is_whitespace() => return line[..at].trim_end(),
            _ => {}
        }
        before = sign;
    }
    line.trim_end()
}
