//! What an upgrade would do, for people.

use aznet_model::upgrade::{Consequence, Effect, Upgrade, span};
use aznet_network::secrets::Unfit;
use comfy_table::Cell;
use owo_colors::OwoColorize;

use crate::running::Proposal;
use crate::table::{self, bad, count, doubtful, good};

/// The values that differ, and what follows from that.
pub(crate) fn render(proposal: &Proposal) -> String {
    let upgrade = &proposal.upgrade;
    let mut sections = vec![head(&proposal.running, upgrade)];
    if !proposal.changes.is_empty() {
        let lines = proposal.changes.iter().map(|change| format!("  {change}"));
        sections.push(lines.collect::<Vec<_>>().join("\n"));
    }
    if !upgrade.is_empty() {
        sections.push(table::render(&consequences(upgrade)));
    }
    let secrets = proposal.unfit_secrets.iter().map(unfit_secret);
    sections.extend(secrets);
    let idle = proposal.idle.iter().map(|pod| {
        format!(
            "{pod} will run and not attest: its attesters left the validator set, and the L1 takes no address twice; \
             `aznet validators add --past-retired` goes on to fresh keys"
        )
    });
    let notes = upgrade.notes.iter().cloned().chain(idle);
    let notes = notes.chain(proposal.warnings.iter().cloned());
    let notes = notes.chain(proposal.keeps.clone());
    sections.extend(notes.map(|note| format!("{} {note}", "note:".yellow().bold())));
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
            "{name}: {}, so nothing would be done; else {text}",
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

fn consequences(upgrade: &Upgrade) -> comfy_table::Table {
    let mut table = table::table(&["what", "to", "how and why"]);
    for consequence in &upgrade.consequences {
        table.add_row([
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
