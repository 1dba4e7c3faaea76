//! Variables by name, as Aztec reads them.

use std::collections::BTreeMap;

/// The variables of a process.
pub(super) type Env = BTreeMap<String, String>;

pub(super) fn set<V: ToString + ?Sized>(env: &mut Env, name: &str, value: &V) {
    env.insert(name.to_owned(), value.to_string());
}

/// Commas between; not set at all where there is nothing, for Aztec takes an empty text for one empty entry.
pub(super) fn list(env: &mut Env, name: &str, entries: &[String]) {
    if !entries.is_empty() {
        set(env, name, &entries.join(","));
    }
}
