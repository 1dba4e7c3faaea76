//! How wide text may be, and text that is wrapped to it: at words, never within an address, a URL or a command.

use console::Term;
use textwrap::core::Word;
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

/// The width that text is laid out for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page(Option<usize>);

impl Page {
    /// What a terminal that does not tell its size is taken for.
    const USUAL: usize = 80;

    /// As wide as it takes: files and pipes have no width.
    pub(crate) const ENDLESS: Self = Self(None);

    /// A page of so many columns; a terminal of none has not told.
    pub(crate) const fn of_columns(columns: usize) -> Self {
        Self(Some(if columns == 0 { Self::USUAL } else { columns }))
    }

    /// As wide as this stream's terminal.
    pub(crate) fn of(stream: &Term) -> Self {
        if stream.is_term() {
            Self::of_columns(stream.size().1.into())
        } else {
            Self::ENDLESS
        }
    }

    /// The columns, where there is an end to them.
    pub(crate) const fn columns(self) -> Option<usize> {
        self.0
    }

    /// Wraps each line of `text`. What a line goes on with begins `indent` columns from the left; a line that is
    /// indented itself is something to copy, and stays in one piece.
    pub(crate) fn wrap(self, text: &str, indent: usize) -> String {
        let Some(columns) = self.0 else {
            return text.to_owned();
        };
        let lines = text.lines().map(|line| {
            if line.starts_with("  ") {
                return line.to_owned();
            }
            fill(line, columns, &" ".repeat(indent))
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Wraps `text`, and indents all of it.
    pub(crate) fn indented(self, text: &str, indent: usize) -> String {
        let inner = Self(self.0.map(|columns| columns.saturating_sub(indent)));
        let wrapped = inner.wrap(text, 2);
        let lines = wrapped.lines().map(|line| format!("{:indent$}{line}", ""));
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// Wraps at words; a word that is too long sticks out, and what is in backticks is one word.
pub(crate) fn fill(text: &str, columns: usize, indent: &str) -> String {
    let options = Options::new(columns)
        .subsequent_indent(indent)
        .break_words(false)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit)
        .word_separator(WordSeparator::Custom(words));
    textwrap::fill(text, options)
}

/// The width of the longest word of `text`, which no line can be narrower than.
pub(crate) fn longest_word(text: &str) -> usize {
    let widths = text
        .lines()
        .flat_map(words)
        .map(|word| console::measure_text_width(&word));
    widths.max().unwrap_or(0)
}

/// Words with the blanks after them. A command in backticks is copied: it is one word.
fn words(line: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    let mut words = Vec::new();
    let (mut start, mut quoted, mut blank) = (0, false, false);
    for (at, character) in line.char_indices() {
        if blank && character != ' ' {
            words.push(Word::from(&line[start..at]));
            start = at;
        }
        quoted ^= character == '`';
        blank = character == ' ' && !quoted;
    }
    words.push(Word::from(&line[start..]));
    Box::new(words.into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_what_is_copied_stay_whole() {
        let text = "note: write to 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 of `aznet up small --reset`, and go on\n  helm upgrade small charts/aztec-network";
        let wrapped = Page::of_columns(30).wrap(text, 6);
        assert_eq!(
            wrapped,
            "note: write to\n      0x70997970C51812dc3A010C7d01b50e0d17dc79C8\n      of\n      `aznet up small --reset`,\n      and go on\n  helm upgrade small charts/aztec-network"
        );
    }

    #[test]
    fn colours_take_no_room() {
        let text = "\u{1b}[33mnote:\u{1b}[0m four";
        assert_eq!(Page::of_columns(10).wrap(text, 0), text);
    }

    #[test]
    fn r09_a_terminal_of_no_columns_has_not_told() {
        assert_eq!(Page::of_columns(0), Page::of_columns(80));
        let long = "word ".repeat(100);
        assert_eq!(Page::ENDLESS.wrap(&long, 0), long);
    }
}
