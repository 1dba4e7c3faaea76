//! What failed and why, as the test programs say it: told again at the end, which is all that a log that was cut still has.

/// As long as one reason may be, in characters; its end says most.
const LONGEST: usize = 400;

/// Collects failures from the lines of libtest, of TAP and of pytest.
#[derive(Debug, Default)]
pub(super) struct Failures {
    told: Vec<String>,
    /// The test of libtest whose output is being read, and its output.
    section: Option<(String, String)>,
    /// Whether the test of TAP named last has told no error yet.
    awaits_error: bool,
}

impl Failures {
    /// Reads the next line.
    pub(super) fn read(&mut self, line: &str) {
        if let Some(test) = section_of(line) {
            self.close();
            self.section = Some((test.to_owned(), String::new()));
        } else if line == "failures:" || line.starts_with("test result: ") {
            self.close();
        } else if let Some((_, said)) = &mut self.section {
            said.push_str(line);
            said.push('\n');
        } else {
            self.read_others(line);
        }
    }

    fn read_others(&mut self, line: &str) {
        let line = line.trim_start();
        if let Some(test) = line.strip_prefix("not ok ") {
            let name = test.split_once(" - ").map_or(test, |(_, name)| name);
            self.told.push(name.to_owned());
            self.awaits_error = true;
        } else if let (Some(error), true) = (line.strip_prefix("error: "), self.awaits_error) {
            if let Some(last) = self.told.last_mut() {
                *last = format!("{last}: {}", end_of(error));
            }
            self.awaits_error = false;
        } else if let Some(test) = line.strip_prefix("FAILED ") {
            self.told.push(end_of(test));
        }
    }

    fn close(&mut self) {
        if let Some((test, said)) = self.section.take() {
            self.told.push(format!("{test}: {}", end_of(&said)));
        }
    }

    /// A line for each test that failed.
    pub(super) fn told(mut self) -> Vec<String> {
        self.close();
        self.told
    }
}

/// The test of `---- a::b stdout ----` and of `---- a ----`.
fn section_of(line: &str) -> Option<&str> {
    let test = line.strip_prefix("---- ")?.strip_suffix(" ----")?;
    Some(test.strip_suffix(" stdout").unwrap_or(test))
}

/// The end of a text, in one line.
fn end_of(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    let from = line.chars().count().saturating_sub(LONGEST);
    if from == 0 {
        return line;
    }
    let end: String = line.chars().skip(from).collect();
    format!("… {end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str) -> Vec<String> {
        let mut failures = Failures::default();
        lines.lines().for_each(|line| failures.read(line));
        failures.told()
    }

    #[test]
    fn each_failure_is_told_with_its_reason() {
        let libtest = "test a ... FAILED\n\nfailures:\n\n---- a::b stdout ----\nassertion failed:\n  left\n\n---- c ----\n--- pods\nmany\n\
                       not well\n\n\nfailures:\n    a::b\n    c\n\ntest result: FAILED. 1 passed; 2 failed";
        assert_eq!(
            read(libtest),
            ["a::b: assertion failed: left", "c: --- pods many not well"]
        );
        let tap = "ok 1 - fine\nnot ok 2 - broken\n  ---\n  error: 'no node'\n  code: 'X'\n  error: 'another'\n";
        assert_eq!(read(tap), ["broken: 'no node'"]);
        let pytest = "FAILED infra/test_x.py::test_y - AssertionError: no";
        assert_eq!(
            read(pytest),
            ["infra/test_x.py::test_y - AssertionError: no"]
        );
    }

    #[test]
    fn of_a_long_reason_the_end_is_told() {
        let long = format!("---- a ----\n{}\nthe cause", "words ".repeat(200));
        let told = &read(&long)[0];
        assert!(told.starts_with("a: … ") && told.ends_with("words the cause"));
        assert!(told.chars().count() < LONGEST + 10);
    }
}
