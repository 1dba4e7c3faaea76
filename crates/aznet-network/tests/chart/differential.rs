//! Helm and the chart against our loader and planner, on values that nobody thought of.
//!
//! For each draw: the chart refuses nothing that the planner accepts; it lets through what the planner refuses only where
//! [`lenient`] says why; files and `--set` come out as Helm has them; and what both accept renders what the planner says.
//!
//! `AZNET_SEED` repeats a run, `AZNET_CASES` sets the number of draws.

mod draw;
mod helm;
mod lenient;
pub(crate) mod rendered;
mod tree;
mod verdict;

use draw::{Draw, draws};
use futures::StreamExt;
pub(crate) use helm::copy;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::collections::BTreeMap;
use verdict::{Difference, Judge, Verdict};

/// The draws where `AZNET_SEED` doesn't say: the same on every machine; another seed looks further.
const SEED: u64 = 1;
/// Number of draws where `AZNET_CASES` doesn't say.
const CASES: usize = 300;
/// Charts rendered at a time.
const AT_ONCE: usize = 2;
/// Renders that may be spent on making a finding smaller.
const SHRINK_STEPS: usize = 120;
/// Kinds of differences that are made smaller and shown.
const SHOWN: usize = 12;

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {text}")),
    )
}

fn runner(seed: u64) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRunner::new_with_rng(
        Config::default(),
        TestRng::from_seed(RngAlgorithm::ChaCha, &bytes),
    )
}

#[expect(clippy::print_stdout, reason = "the seed, and what was found")]
#[tokio::test]
async fn helm_and_the_planner_agree() {
    let seed = setting("AZNET_SEED").unwrap_or(SEED);
    let cases = setting("AZNET_CASES").map_or(CASES, |cases| {
        usize::try_from(cases).expect("a number of draws")
    });
    let mut runner = runner(seed);
    let strategy = draws();
    let trees: Vec<_> = (0..cases)
        .map(|_| strategy.new_tree(&mut runner).expect("a draw"))
        .collect();
    let judge = Judge::new();
    let verdicts: Vec<Verdict> = futures::stream::iter(trees.iter().map(ValueTree::current))
        .map(|draw| judge.judge(draw))
        .buffered(AT_ONCE)
        .collect()
        .await;
    let mut kinds: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (n, verdict) in verdicts.iter().enumerate() {
        for difference in &verdict.differences {
            kinds.entry(difference.kind.clone()).or_default().push(n);
        }
    }
    let accepted = verdicts.iter().filter(|verdict| verdict.accepted).count();
    println!("seed {seed}: {cases} draws, {accepted} accepted by both");
    let mut trees: Vec<_> = trees.into_iter().map(Some).collect();
    for (kind, found) in kinds.iter().take(SHOWN) {
        println!("\n== {kind} ({} draws)", found.len());
        // A draw that shows two kinds is made smaller for the first.
        if let Some(tree) = found.iter().find_map(|n| trees[*n].take()) {
            println!("{}", smallest(&judge, tree, kind).await);
        }
    }
    let differences = kinds.len();
    assert_eq!(
        differences, 0,
        "kinds of differences; AZNET_SEED={seed} repeats this run"
    );
    assert!(
        accepted * 5 >= cases,
        "{accepted} of {cases} draws accepted prove too little"
    );
}

/// Makes a draw smaller for as long as it shows the same kind of difference.
async fn smallest(judge: &Judge, mut tree: impl ValueTree<Value = Draw>, kind: &str) -> String {
    let mut least = shows(judge, tree.current(), kind).await;
    let mut smaller = tree.simplify();
    for _ in 0..SHRINK_STEPS {
        if !smaller {
            break;
        }
        smaller = match shows(judge, tree.current(), kind).await {
            Some(shown) => {
                least = Some(shown);
                tree.simplify()
            }
            None => tree.complicate(),
        };
    }
    least.map_or_else(String::new, |(draw, difference)| {
        format!("{draw}--\n{}\n", difference.detail)
    })
}

async fn shows(judge: &Judge, draw: Draw, kind: &str) -> Option<(Draw, Difference)> {
    let verdict = judge.judge(draw.clone()).await;
    let difference = verdict
        .differences
        .into_iter()
        .find(|one| one.kind == kind)?;
    Some((draw, difference))
}
