//! `cargo xtask sabotage`: whether tests find out when a check that verdicts stand on is taken out.
//!
//! Each check is taken out of a copy of the sources, and the test that depends on it must fail there.

use crate::{cargo, run};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// A way to be fooled, the check against it, and the test that shows the wrong verdict without the check.
struct Sabotage {
    /// By what.
    fooled: &'static str,
    /// Where the check is.
    file: &'static str,
    /// Text of it that is there once.
    check: &'static str,
    /// What is there without it.
    without: &'static str,
    /// The test's path in its crate.
    test: &'static str,
}

const ALL: [Sabotage; 15] = [
    Sabotage {
        fooled: "a fault that is recorded as injected, and not applied",
        file: "crates/aznet-chaos/src/effect.rs",
        check: "if !same.is_empty() {",
        without: "if false {",
        test: "effect::tests::a_failure_bites_when_the_pod_neither_serves_nor_runs_what_it_ran",
    },
    Sabotage {
        fooled: "a fault that did not bite, taken for the network's failure",
        file: "crates/aznet-scenarios/src/faults.rs",
        check: "Failure::Fault(format!(\"{why}: {}\", chain(&error)))",
        without: "Failure::Assertion(format!(\"{why}: {}\", chain(&error)))",
        test: "faults::tests::a_fault_that_does_not_bite_is_never_the_networks_failure",
    },
    Sabotage {
        fooled: "a node that answers with a stale tip",
        file: "crates/aznet-scenarios/src/watch/moved.rs",
        check: "is_new && ",
        without: "",
        test: "watch::moved::tests::an_old_checkpoint_is_no_progress",
    },
    Sabotage {
        fooled: "a node that answers with a forged tip",
        file: "crates/aznet-scenarios/src/watch/invariant.rs",
        check: " || blocks.is_some_and(|(a, b)| a != b)",
        without: "",
        test: "watch::invariant::tests::a_forged_block_under_the_right_checkpoint_is_told",
    },
    Sabotage {
        fooled: "a node that calls proven what the L1 has no proof of",
        file: "crates/aznet-scenarios/src/watch/proof.rs",
        check: "if here.proven > there.proven {",
        without: "if false {",
        test: "watch::proof::tests::who_calls_proven_or_final_what_is_not_so_on_l1_is_told_once",
    },
    Sabotage {
        fooled: "a balance that is off by one",
        file: "crates/aznet-scenarios/src/transfer.rs",
        check: "if seen == wanted {",
        without: "if total(seen) == total(wanted) {",
        test: "transfer::tests::a_balance_that_is_off_by_one_is_not_what_was_sent",
    },
    Sabotage {
        fooled: "a token that is made or lost beside the balances that are looked at",
        file: "crates/aznet-scenarios/src/world.rs",
        check: "if made != held {",
        without: "if false {",
        test: "world::tests::a_token_too_many_or_too_few_fails_a_test_that_passes",
    },
    Sabotage {
        fooled: "a pod that restarts between two looks",
        file: "crates/aznet-scenarios/src/watch/restarts.rs",
        check: "if old.run() == new.run()",
        without: "if old.uid == new.uid",
        test: "watch::restarts::tests::restarts_and_replacements_are_seen_and_new_pods_are_none",
    },
    Sabotage {
        fooled: "a restart in a test that ends containers of another role",
        file: "crates/aznet-scenarios/src/watch/hub.rs",
        check: "all.any(|one| one.restarts.contains(&role))",
        without: "all.any(|one| !one.restarts.is_empty())",
        test: "watch::hub::tests::what_is_broken_is_told",
    },
    Sabotage {
        fooled: "a node that does not serve, and so is asked nothing",
        file: "crates/aznet-scenarios/src/watch/gate.rs",
        check: "let mut problems: Vec<String> = away.collect();",
        without: "let mut problems: Vec<String> = away.take(0).collect();",
        test: "watch::gate::tests::each_thing_that_is_not_well_is_named",
    },
    Sabotage {
        fooled: "a watch that sees nothing",
        file: "crates/aznet-scenarios/src/watch.rs",
        check: "if looks == 0 && lasted > within {",
        without: "if false {",
        test: "watch::tests::a_watch_that_saw_nothing_is_no_watch",
    },
    Sabotage {
        fooled: "an API server that answers slowly",
        file: "crates/aznet-scenarios/src/look.rs",
        check: "if unanswered.load(Ordering::Relaxed)",
        without: "if false",
        test: "look::tests::what_could_not_be_looked_at_is_not_the_networks_failure",
    },
    Sabotage {
        fooled: "a full disk",
        file: "crates/aznet-scenarios/src/watch/restarts.rs",
        check: ".find(|line| says_disk_full(line))",
        without: ".find(|_| false)",
        test: "watch::restarts::tests::a_full_disk_is_the_machines_failure",
    },
    Sabotage {
        fooled: "a log line that is missing, where a line about somebody else is there",
        file: "crates/aznet-scenarios/src/attack/said.rs",
        check: "parts.iter().all(",
        without: "parts.iter().any(",
        test: "attack::said::tests::a_line_has_every_part_and_is_another_pods",
    },
    Sabotage {
        fooled: "a test that passes while a rule is broken",
        file: "crates/aznet-runner/src/run/unit.rs",
        check: "Some(first) => verdict.diverged(&first),",
        without: "Some(_) => verdict,",
        test: "run::tests::what_must_never_be_seen_fails_a_test_whatever_it_says",
    },
];

/// Takes each check out in turn, those whose way to be fooled contains one of `filters`, and expects its test to fail.
pub(crate) fn run(filters: &[String]) -> Result<()> {
    let wanted = |one: &&Sabotage| {
        filters.is_empty()
            || filters
                .iter()
                .any(|filter| one.fooled.contains(filter.as_str()))
    };
    let wanted: Vec<&Sabotage> = ALL.iter().filter(wanted).collect();
    if wanted.is_empty() {
        let all: Vec<&str> = ALL.iter().map(|one| one.fooled).collect();
        bail!("nothing fits; there are:\n{}", all.join("\n"));
    }
    // Always the same folder: what is compiled of it takes the place of the last time's.
    let copy = cargo::target_directory()?.join("sabotage");
    sources(&copy)?;
    let mut fooled = Vec::new();
    for one in &wanted {
        let file = copy.join(one.file);
        let text = std::fs::read_to_string(&file)?;
        std::fs::write(&file, one.taken_out(&text)?)?;
        let outcome = one.tested(&copy)?;
        std::fs::write(&file, text)?;
        println!("{}: {}", one.fooled, outcome.words());
        if outcome != Outcome::Found {
            fooled.push(one.fooled);
        }
    }
    if fooled.is_empty() {
        return Ok(());
    }
    bail!("no test finds out about:\n{}", fooled.join("\n"));
}

/// What a test says of sources without its check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It fails, as it must.
    Found,
    /// It passes.
    Fooled,
    /// It did not run.
    NotRun,
}

impl Outcome {
    /// From what libtest prints.
    fn of(test: &str, said: &str) -> Self {
        if said.contains(&format!("test {test} ... FAILED")) {
            Self::Found
        } else if said.contains(&format!("test {test} ... ok")) {
            Self::Fooled
        } else {
            Self::NotRun
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Fooled => "NOT found: the test passes without the check",
            Self::NotRun => {
                "the test did not run: without the check nothing compiles, or its name is another"
            }
        }
    }
}

impl Sabotage {
    /// The file's text without the check.
    fn taken_out(&self, text: &str) -> Result<String> {
        let count = text.matches(self.check).count();
        if count != 1 {
            bail!(
                "{}: `{}` is there {count} times, expected once",
                self.file,
                self.check
            );
        }
        Ok(text.replacen(self.check, self.without, 1))
    }

    /// Runs the test on these sources. What they are made of is compiled once, with that of the workspace itself.
    fn tested(&self, sources: &Path) -> Result<Outcome> {
        let mut command = cargo::linted(&["test", "--workspace", "--lib", "--no-fail-fast"]);
        command
            .args([
                "--target-dir".as_ref(),
                cargo::target_directory()?.as_os_str(),
            ])
            .args(["--", "--exact", self.test])
            .current_dir(sources);
        let output = command.output().context("cargo could not be started")?;
        let said = String::from_utf8_lossy(&output.stdout);
        let outcome = Outcome::of(self.test, &said);
        if outcome == Outcome::NotRun {
            print!("{}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(outcome)
    }
}

/// Copies what git knows, as it is now.
fn sources(to: &Path) -> Result<()> {
    if to.exists() {
        std::fs::remove_dir_all(to)?;
    }
    let listed = run::command(
        "git",
        &[
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ],
    )
    .output()
    .context("git could not be started")?;
    let listed = String::from_utf8(listed.stdout)?;
    for name in listed.split('\0').filter(|name| !name.is_empty()) {
        let (from, to) = (run::root().join(name), to.join(name));
        let folder = to.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        std::fs::create_dir_all(folder)?;
        if from.is_file() {
            std::fs::copy(&from, &to).with_context(|| format!("copying {}", from.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A check that was moved or rewritten is looked for again.
    #[test]
    fn every_check_and_its_test_are_there() {
        for one in &ALL {
            let path = run::root().join(one.file);
            let text = std::fs::read_to_string(&path).expect("a source file");
            assert_ne!(one.taken_out(&text).expect("the check"), text);
            let name = one.test.rsplit("::").next().unwrap_or_default();
            let files = [
                path.clone(),
                path.with_extension("").join("tests.rs"),
                path.with_file_name("tests.rs"),
            ];
            let all: String = files.iter().flat_map(std::fs::read_to_string).collect();
            assert!(all.contains(&format!("fn {name}(")), "{name}");
        }
    }

    #[test]
    fn a_test_that_passes_or_does_not_run_found_nothing() {
        let said = "test a::b ... FAILED\ntest a::bc ... ok\n";
        let outcomes = ["a::b", "a::bc", "a::d"].map(|test| Outcome::of(test, said));
        assert_eq!(outcomes, [Outcome::Found, Outcome::Fooled, Outcome::NotRun]);
    }
}
