//! A list of things to be seen, each of which is noted whatever the others came to.

use aznet_runner::{Context, Failure};

/// What was seen, and what was not as it should be.
pub(super) struct Checklist<'a> {
    context: &'a Context,
    seen: usize,
    missed: Vec<(&'static str, Failure)>,
}

impl<'a> Checklist<'a> {
    pub(super) const fn new(context: &'a Context) -> Self {
        Self {
            context,
            seen: 0,
            missed: Vec::new(),
        }
    }

    /// Notes what an item came to.
    ///
    /// # Errors
    /// What it came to, where the run is interrupted.
    pub(super) fn note(
        &mut self,
        item: &'static str,
        outcome: Result<String, Failure>,
    ) -> Result<(), Failure> {
        match outcome {
            Ok(words) => {
                self.seen += 1;
                self.context.step(format!("{item}: {words}"));
            }
            Err(failure) if self.context.cancel.is_cancelled() => return Err(failure),
            Err(failure) => {
                self.context.step(format!("{item}: NOT SEEN: {failure}"));
                self.missed.push((item, failure));
            }
        }
        Ok(())
    }

    /// All of it.
    ///
    /// # Errors
    /// What was not as it should be.
    pub(super) fn verdict(self) -> Result<(), Failure> {
        verdict(self.seen, &self.missed)
    }
}

/// What only could not be looked at is no finding.
fn verdict(seen: usize, missed: &[(&str, Failure)]) -> Result<(), Failure> {
    if missed.is_empty() {
        return Ok(());
    }
    let words = missed.iter().map(|(item, why)| format!("{item}: {why}"));
    let words = format!(
        "{} of {} are not as the profile says: {}",
        missed.len(),
        seen + missed.len(),
        words.collect::<Vec<_>>().join("; ")
    );
    let mut reasons = missed.iter().map(|(_, why)| why);
    Err(if reasons.any(|why| matches!(why, Failure::Assertion(_))) {
        Failure::Assertion(words)
    } else {
        Failure::Infrastructure(words)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_item_that_is_missed_fails_all_and_each_is_named() {
        assert_eq!(verdict(10, &[]), Ok(()));
        let lost = ("metrics", Failure::Infrastructure("no answer".into()));
        let words = "1 of 10 are not as the profile says: metrics: no answer";
        assert_eq!(
            verdict(9, std::slice::from_ref(&lost)),
            Err(Failure::Infrastructure(words.into()))
        );
        let wrong = ("duties", Failure::Assertion("a duty is `dozed`".into()));
        let words =
            "2 of 10 are not as the profile says: metrics: no answer; duties: a duty is `dozed`";
        assert_eq!(
            verdict(8, &[lost, wrong]),
            Err(Failure::Assertion(words.into()))
        );
    }
}
