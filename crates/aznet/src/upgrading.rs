//! What an upgrade would do, for people.

use aznet_model::units::count;
use aznet_model::upgrade::{Consequence, Effect, Upgrade, span};
use aznet_network::secrets::Unfit;
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
    let secrets = proposal.unfit_secrets.iter().map(unfit_secret);
    sections.extend(secrets);
    let idle = proposal.idle.iter().map(|pod| {
        format!(
            "{pod} will run and not attest: its attesters left the validator set, and the L1 never accepts an address again; \
             `aznet validators add --past-retired` skips to fresh keys"
        )
    });
    let notes = upgrade.notes.iter().cloned().chain(idle);
    let notes = notes.chain(proposal.warnings.iter().cloned());
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

/// A Secret without which nothing is changed, and how it is made.
pub(crate) fn unfit_secret(unfit: &Unfit) -> String {
    let how = unfit.command().map(|command| format!("\n  {command}"));
    format!(
        "{} {unfit}{}",
        "missing:".red().bold(),
        how.unwrap_or_default()
    )
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::diff::changes;
    use crate::table::at_all_widths;

    #[test]
    fn a_change_is_shown_at_a_glance() {
        let consequence = |effect, subject: &str, pods: &[&str], reasons: &[&str]| Consequence {
            effect,
            subject: subject.to_owned(),
            pods: pods.iter().map(|pod| (*pod).to_owned()).collect(),
            reasons: reasons.iter().map(|reason| (*reason).to_owned()).collect(),
        };
        let validators = ["validator-0", "validator-1", "validator-2", "validator-3"];
        let consequences = vec![
            consequence(
                Effect::Retired,
                "validator",
                &["validator-4"],
                &[
                    "0x70997970C51812dc3A010C7d01b50e0d17dc79C8 leaves the validator set, and the L1 never accepts an address again",
                ],
            ),
            consequence(
                Effect::Restarted,
                "validator",
                &validators,
                &["resources.limits.memory 1Gi → 2Gi"],
            ),
            consequence(
                Effect::Changed,
                "ConfigMap prometheus-rules",
                &[],
                &["data.aztec.yaml changed"],
            ),
        ];
        let proposal = Proposal {
            unfit_secrets: Vec::new(),
            warnings: Vec::new(),
            running: "small".to_owned(),
            changes: changes(
                &json!({"validator": {"replicas": 5}}),
                &json!({"validator": {"replicas": 4}}),
            ),
            kept: Vec::new(),
            gained: Vec::new(),
            upgrade: Upgrade {
                consequences,
                notes: vec![
                    "While pods restart, the committee may be short of its quorum for a few slots."
                        .to_owned(),
                ],
            },
            idle: Vec::new(),
            keeps: None,
        };
        insta::assert_snapshot!(at_all_widths(|page| render(&proposal, page)));
    }
}
