//! What an upgrade would do, for people.

use aznet_model::units::count;
use aznet_model::upgrade::{Consequence, Effect, Upgrade, span};
use owo_colors::OwoColorize;

use crate::page::Page;
use crate::running::Proposal;
use crate::table::{Cell, Column, Table, bad, doubtful, good};

/// The values that differ, and what follows from that.
pub(crate) fn render(proposal: &Proposal, page: Page) -> String {
    let upgrade = &proposal.upgrade;
    let mut sections = vec![page.wrap(&head(&proposal.running, upgrade), 2)];
    if !proposal.changes.is_empty() {
        let lines = proposal.changes.iter();
        let lines = lines.map(|change| page.indented(&change.to_string(), 2));
        sections.push(lines.collect::<Vec<_>>().join("\n"));
    }
    if !upgrade.is_empty() {
        sections.push(consequences(upgrade).render(page));
    }
    let idle = proposal.idle.iter().map(|pod| {
        format!(
            "{pod} will run and not attest: its attesters left the validator set, and the L1 never accepts an address again; \
             `aznet validators add --past-retired` skips to fresh keys"
        )
    });
    let notes = upgrade.notes.iter().cloned().chain(idle);
    let notes = notes.chain(proposal.keeps.clone());
    sections.extend(notes.map(|note| page.wrap(&format!("{} {note}", "note:".yellow().bold()), 2)));
    sections.join("\n\n")
}

/// `small: 4 pods restart, 1 is added, 1 thing refused`.
fn head(running: &str, upgrade: &Upgrade) -> String {
    let name = running.bold();
    if upgrade.is_empty() {
        return format!("{name}: nothing would change");
    }
    let pods = |effect: Effect| -> usize {
        let of = upgrade
            .consequences
            .iter()
            .filter(|one| one.effect == effect);
        of.map(|one| one.pods.len()).sum()
    };
    let mut parts = Vec::new();
    for (effect, verb) in [
        (Effect::Restarted, "restart"),
        (Effect::HeldBack, "held back"),
        (Effect::Added, "added"),
        (Effect::Removed, "removed"),
        (Effect::Retired, "out of the validator set for good"),
    ] {
        if pods(effect) > 0 {
            parts.push(format!("{} {verb}", count(pods(effect), "pod")));
        }
    }
    if parts.is_empty() {
        parts.push("no pod restarts".to_owned());
    }
    let text = parts.join(", ");
    match upgrade.refused().count() {
        0 => format!("{name}: {text}"),
        refused => format!(
            "{name}: {}: `up` would change nothing (without it: {text})",
            format!("{} refused", count(refused, "change")).red()
        ),
    }
}

fn consequences(upgrade: &Upgrade) -> Table {
    let mut table = Table::new([
        Column::text("what"),
        Column::prose("to", 16),
        Column::prose("how and why", 24),
    ]);
    for consequence in &upgrade.consequences {
        table.row([
            effect(consequence.effect),
            Cell::new(subject(consequence)),
            Cell::new(consequence.reasons.join("\n")),
        ]);
    }
    table
}

fn subject(consequence: &Consequence) -> String {
    if consequence.pods.is_empty() {
        return consequence.subject.clone();
    }
    span(&consequence.pods)
}

fn effect(effect: Effect) -> Cell {
    match effect {
        Effect::Refused | Effect::Lost | Effect::Retired => bad(effect),
        Effect::Removed | Effect::Keys | Effect::Restarted => doubtful(effect),
        Effect::Added => good(effect),
        Effect::HeldBack | Effect::Changed => Cell::new(effect),
    }
}
