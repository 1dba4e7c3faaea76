//! What can be listed without a cluster.

use super::support::Sandbox;

/// Names, tags and what a test needs are relied on in `--filter` and `--partition` of CI jobs.
#[test]
fn tests_are_listed() {
    insta::assert_snapshot!("test-list", Sandbox::new().run(&["test", "--list"]));
}
