//! Variables that someone sets in `env` and that do not go with the release. They are set all the same: `env` has the last word.

use crate::release::{Release, VariableChange, readers};
use crate::values::Values;

pub(super) fn notes(values: &Values, release: &Release) -> Vec<String> {
    let present = values.aztec_workloads();
    let for_all = values.defaults.env.clone().unwrap_or_default();
    let given = present.iter().flat_map(|workload| {
        let env = values.pod_of(workload).env.unwrap_or_default();
        let (own, role, for_all) = (workload.values_key(), workload.role(), &for_all);
        env.into_iter().map(move |(name, value)| {
            let of_all = for_all.get(&name) == Some(&value);
            let key = if of_all { "defaults" } else { &own };
            (format!("{key}.env.{name}"), role, name, value)
        })
    });
    let mut notes: Vec<String> = given
        .filter_map(|(key, role, name, value)| {
            unread(&key, &name, release).or_else(|| {
                let own = values.l1.is_anvil() && role.is_node();
                own.then(|| contradicts(&key, &name, &value, release))?
            })
        })
        .collect();
    notes.sort();
    notes.dedup();
    notes
}

fn unread(key: &str, name: &str, release: &Release) -> Option<String> {
    match release.environment.change(name) {
        Some(VariableChange::Dropped) => {
            return Some(format!(
                "{key}: nothing in Aztec {release} reads this variable."
            ));
        }
        Some(VariableChange::Renamed(to)) => {
            return Some(format!("{key}: Aztec {release} reads {to} instead."));
        }
        None => {}
    }
    let readers = readers(name);
    (!readers.is_empty() && !readers.contains(&release.name)).then(|| {
        format!(
            "{key}: nothing in Aztec {release} reads this variable; {} {}.",
            readers.join(" and "),
            if readers.len() == 1 { "does" } else { "do" }
        )
    })
}

/// Another value than this release needs on the chart's own anvil.
fn contradicts(key: &str, name: &str, value: &str, release: &Release) -> Option<String> {
    let ours = release.environment.on_own_anvil.iter();
    let (_, needed) = ours.into_iter().find(|(own, _)| *own == name)?;
    (value != *needed).then(|| {
        format!("{key} is {value}, which wins over {needed}, the value that Aztec {release} needs on the chart's anvil.")
    })
}
