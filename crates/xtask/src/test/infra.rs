//! The tests of `infra/`: pytest, with what it needs from PyPI.

use super::tally::Tally;
use crate::venv::Venv;
use crate::{act, cargo, run};
use anyhow::Result;
use std::process::Command;

/// The tests' own packages: the emulator, AWS's command line, cfn-lint.
const PINS: &str = "infra/tests/requirements.txt";
/// checkov wants other versions of some of them.
const CHECKOV: &str = "infra/tests/checkov.txt";

/// The test program; both environments are installed unless they are there.
pub(super) fn command() -> Result<Command> {
    // The workflows run it.
    run::finish(cargo::linted(&["build", "--workspace", "--bin", "aznet"]))?;
    let words = ["-m", "pytest", "infra/tests"];
    let mut pytest = run::command(Venv::ensure(PINS)?.program("python"), &words);
    // Nothing of theirs is left in the checkout.
    pytest.env("PYTHONDONTWRITEBYTECODE", "1");
    pytest.env("AZNET_CHECKOV", Venv::ensure(CHECKOV)?.program("checkov"));
    pytest.env("AZNET_ACT", act::PROGRAM.ensure()?);
    pytest.env("AZNET_PROGRAM", cargo::aznet()?);
    Ok(pytest)
}

/// `==== 3 passed, 1 failed, 1 error in 4.20s ====` of pytest.
pub(super) fn pytest_line(line: &str) -> Option<Tally> {
    let line = line.strip_prefix('=')?.trim_matches(['=', ' ']);
    let (counts, _) = line.rsplit_once(" in ")?;
    let mut tally = Tally::default();
    for part in counts.split(", ") {
        let (count, what) = part.split_once(' ')?;
        let count: u64 = count.parse().ok()?;
        match what {
            "passed" => tally.passed += count,
            "failed" | "error" | "errors" => tally.failed += count,
            "skipped" => tally.skipped += count,
            _ => {}
        }
    }
    Some(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(line: &str) -> Option<(u64, u64, u64)> {
        pytest_line(line).map(|tally| (tally.passed, tally.failed, tally.skipped))
    }

    #[test]
    fn counts_are_read_from_pytest() {
        let line =
            "=== 2 failed, 30 passed, 1 skipped, 5 warnings, 1 error in 61.02s (0:01:01) ===";
        assert_eq!(counts(line), Some((30, 3, 1)));
        assert_eq!(counts("==== 69 passed in 9.10s ===="), Some((69, 0, 0)));
        for other in [
            "=== FAILURES ===",
            "=== short test summary info ===",
            "infra/tests/test_rules.py .... [ 10%]",
            "=== no tests ran in 0.01s ===",
        ] {
            assert_eq!(counts(other), None, "{other}");
        }
    }
}
