//! How many tests came out how.

#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
    /// Why tests were skipped, where the harness counted them as such.
    pub(super) reasons: Vec<String>,
    /// Which tests failed, and why.
    pub(super) failures: Vec<String>,
}

impl Tally {
    pub(super) fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.reasons.extend_from_slice(&other.reasons);
        self.failures.extend_from_slice(&other.failures);
    }
}
