//! `aznet test --list`.

use std::collections::BTreeMap;

use aznet_runner::{Selection, Test, TestId};
use aznet_scenarios::generate::Drawn;
use serde::Serialize;

use crate::context::Context;
use crate::table::{Column, Table};

#[derive(Serialize)]
struct Listed<'a> {
    network: &'a str,
    name: &'a str,
    about: &'a str,
    class: &'a str,
    tags: &'a [String],
    weight: u32,
    retries: u32,
    deadline_seconds: u64,
    /// Why it would be skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped: Option<&'a str>,
    /// What was drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    scenario: Option<&'a Drawn>,
}

/// What is known of some tests beside what they say themselves.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Why they would be skipped.
    pub(super) skipped: BTreeMap<TestId, String>,
    /// Of what was drawn they are.
    pub(super) drawn: BTreeMap<TestId, Drawn>,
}

impl<'a> Listed<'a> {
    fn new(test: &'a Test, known: &'a Known) -> Self {
        Self {
            network: &test.id.network,
            name: &test.id.name,
            about: &test.about,
            class: test.class.name(),
            tags: &test.tags,
            weight: test.weight,
            retries: test.retries,
            deadline_seconds: test.deadline.as_secs(),
            skipped: known.skipped.get(&test.id).map(String::as_str),
            scenario: known.drawn.get(&test.id),
        }
    }
}

/// Lists tests, with what is known of them.
pub(super) fn list(selection: &Selection, known: &Known, context: &Context) -> anyhow::Result<()> {
    let tests = selection.selected.iter();
    let tests: Vec<Listed<'_>> = tests.map(|test| Listed::new(test, known)).collect();
    context.printer.result(&tests, |tests, page| {
        let mut table = Table::new([
            Column::text("test"),
            Column::text("class").yields(1),
            Column::text("tags").yields(2),
            Column::prose("description", 20),
        ]);
        for test in tests {
            table.row([
                format!("{}::{}", test.network, test.name),
                test.class.to_owned(),
                test.tags.join(", "),
                test.about.to_owned(),
            ]);
        }
        table.render(page)
    })
}
