//! `aznet test --list`.

use std::collections::BTreeMap;

use aznet_runner::{Selection, Test, TestId};
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
}

impl<'a> Listed<'a> {
    fn new(test: &'a Test, skipped: Option<&'a str>) -> Self {
        Self {
            network: &test.id.network,
            name: &test.id.name,
            about: &test.about,
            class: test.class.name(),
            tags: &test.tags,
            weight: test.weight,
            retries: test.retries,
            deadline_seconds: test.deadline.as_secs(),
            skipped,
        }
    }
}

/// Lists tests, with the reasons why some of them would be skipped.
pub(super) fn list(
    selection: &Selection,
    skipped: &BTreeMap<TestId, String>,
    context: &Context,
) -> anyhow::Result<()> {
    let tests = selection.selected.iter();
    let tests: Vec<Listed<'_>> = tests
        .map(|test| Listed::new(test, skipped.get(&test.id).map(String::as_str)))
        .collect();
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
