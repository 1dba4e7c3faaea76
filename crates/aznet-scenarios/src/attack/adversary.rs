//! Nodes that misbehave in ways that Aztec has no setting for: by a module of `adversaries/`, which is loaded into the
//! running node and takes back what it changed.

use std::time::Duration;

use aznet_model::{chain::Slot, role::Role};
use aznet_network::clients::exec::{self, ExecError};
use aznet_runner::Failure;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::dud;
use crate::world::World;

/// Loads a module into a node of the same container.
const INJECT: &str = include_str!("../../../../adversaries/inject.mjs");
/// What modules have in common, as they import it.
const SHARED: [(&str, &str); 2] = [
    (
        "'./stranger.mjs'",
        include_str!("../../../../adversaries/stranger.mjs"),
    ),
    (
        "'./replace.mjs'",
        include_str!("../../../../adversaries/replace.mjs"),
    ),
];
/// What loading takes, at most, and the answer's way back.
const TO_LOAD: Duration = Duration::from_secs(30);

/// A way to misbehave.
pub(super) struct Adversary {
    /// What it is called.
    pub(super) name: &'static str,
    /// The module's text.
    pub(super) module: &'static str,
}

/// The one whose module has this name.
macro_rules! adversary {
    ($name:literal) => {
        Adversary {
            name: $name,
            module: include_str!(concat!("../../../../adversaries/", $name, ".mjs")),
        }
    };
}

/// A node that strangers use to send others proposals that are forged.
pub(super) const FORGED_PROPOSALS: Adversary = adversary!("forged-proposals");

/// A proposer of two checkpoints for one slot.
pub(super) const EQUIVOCATION: Adversary = adversary!("equivocation");

/// A proposer that attests to two checkpoints of its slot.
pub(super) const DOUBLE_ATTESTATION: Adversary = adversary!("double-attestation");

/// A validator that signs proposals for slots whose proposer it may not be.
pub(super) const OUT_OF_TURN: Adversary = adversary!("out-of-turn");

/// A proposer of a checkpoint with an archive that its blocks don't lead to.
pub(super) const WRONG_ARCHIVE: Adversary = adversary!("wrong-archive");

/// A prover whose proof is refused.
pub(super) const REFUSED_PROOF: Adversary = adversary!("refused-proof");

/// A node whose clock is wrong.
pub(super) const LATE_CLOCK: Adversary = adversary!("late-clock");

/// A validator that does nothing for a while.
pub(super) const INACTIVITY: Adversary = adversary!("inactivity");

/// A node that strangers use to send others what is malformed, oversized or never finished.
pub(super) const P2P_INPUT: Adversary = adversary!("p2p-input");

/// A boot node that tells of nodes that there are not, until it is told to stop.
pub(super) const LYING_BOOT_NODE: Adversary = adversary!("lying-boot-node");

/// Blobs in the store that are not what they are named after.
pub(super) const WRONG_BLOBS: Adversary = adversary!("wrong-blobs");

impl Adversary {
    /// Has the node in `pod` misbehave, in `slot` if it is a proposer, until it is done; what it did.
    pub(super) async fn misbehave<T: DeserializeOwned>(
        &self,
        world: &World,
        place: (&str, Role),
        slot: Option<Slot>,
        within: Duration,
    ) -> Result<T, Failure> {
        self.misbehave_with(world, place, json!({"slot": slot}), within)
            .await
    }

    /// The same with options of the module's own.
    pub(super) async fn misbehave_with<T: DeserializeOwned>(
        &self,
        world: &World,
        (pod, role): (&str, Role),
        mut options: Value,
        within: Duration,
    ) -> Result<T, Failure> {
        let clean_up = world
            .context
            .must_clean_up(format!("{} of {pod}", self.name));
        options["dud"] = dud().into();
        options["seconds"] = within.as_secs().into();
        options["seed"] = world.context.seed.into();
        let done = self.load(world, (pod, role), &options, within).await?;
        clean_up.proved();
        Ok(done)
    }

    /// Loads the module into the node in `pod`, and waits until it is done; what it did.
    pub(super) async fn load<T: DeserializeOwned>(
        &self,
        world: &World,
        (pod, role): (&str, Role),
        options: &Value,
        within: Duration,
    ) -> Result<T, Failure> {
        let options = options.to_string();
        let module = self_contained(self.module);
        let command = [
            "node",
            "--input-type=module",
            "--eval",
            INJECT,
            &module,
            &options,
        ];
        let command = command.map(str::to_owned);
        let place = (pod, role.name());
        world.attacked();
        let what = format!("the end of {} in {pod}", self.name);
        world.context.waiting(what, "it goes on");
        let told = exec::run(&world.network, place, &command, within + TO_LOAD)
            .await
            .map_err(Failure::infrastructure)?;
        let line = told.lines().last().unwrap_or_default();
        serde_json::from_str(line).map_err(Failure::infrastructure)
    }
}

/// A module with what it imports of ours: in the node there is no file of it.
fn self_contained(module: &str) -> String {
    let mut text = module.to_owned();
    for (import, shared) in SHARED {
        if text.contains(import) {
            let shared = STANDARD.encode(self_contained(shared));
            text = text.replace(import, &format!("'data:text/javascript;base64,{shared}'"));
        }
    }
    text
}

/// Ends a misbehaviour that lasts until it is told to.
pub(super) async fn stop(world: &World, place: (&str, Role)) -> Result<(), Failure> {
    signal(world, place, "SIGUSR2")
        .await
        .map_err(Failure::infrastructure)
}

/// Sends the node's process a signal.
pub(super) async fn signal(
    world: &World,
    (pod, role): (&str, Role),
    name: &str,
) -> Result<(), ExecError> {
    let kill = format!("process.kill(1, '{name}')");
    let command = ["node", "--eval", &kill].map(str::to_owned);
    let place = (pod, role.name());
    exec::run(&world.network, place, &command, TO_LOAD)
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs, path::PathBuf};

    use super::*;

    /// The longest URL that the client of the Kubernetes API takes, less what the options may take of it.
    const LONGEST: usize = (u16::MAX as usize) - (16 << 10);

    fn folder() -> PathBuf {
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../adversaries"))
    }

    /// What is in the folder, by its name.
    fn files() -> BTreeMap<String, String> {
        let entries = fs::read_dir(folder()).expect("the folder");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        let name = |path: &PathBuf| path.file_name().expect("a name").to_string_lossy().into();
        let read = |path: PathBuf| (name(&path), fs::read_to_string(&path).expect("a text"));
        paths.map(read).collect()
    }

    /// Those that are loaded into nodes, and what they import.
    fn modules() -> impl Iterator<Item = (String, String)> {
        let module = |name: &str| !["README.md", "inject.mjs"].contains(&name);
        files().into_iter().filter(move |(name, _)| module(name))
    }

    #[test]
    fn modules_bring_what_they_import_of_ours() {
        let mut imported = 0;
        for (name, text) in modules() {
            imported += text.matches("from './").count();
            let text = self_contained(&text);
            assert!(!text.contains("from './"), "{name}");
        }
        assert!(imported >= 9, "{imported} imports");
        // A stranger brings what it imports itself.
        let (_, stranger) = SHARED[0];
        assert!(stranger.contains(SHARED[1].0));
        let text = self_contained(FORGED_PROPOSALS.module);
        assert!(text.contains(&STANDARD.encode(self_contained(stranger))));
    }

    /// A command is in the URL of the request that runs it, where all but letters, digits and a few more take three bytes.
    #[test]
    fn modules_fit_into_the_request_that_loads_them() {
        for (name, text) in modules() {
            let command = format!("{INJECT}{}", self_contained(&text));
            let short = |byte: u8| byte.is_ascii_alphanumeric() || b" *-._".contains(&byte);
            let encoded = command.bytes().map(|byte| if short(byte) { 1 } else { 3 });
            let encoded: usize = encoded.sum();
            assert!(encoded < LONGEST, "{name}: {encoded} bytes of {LONGEST}");
        }
    }

    /// What assigns to a method that a release calls otherwise changes nothing, and nobody is told.
    #[test]
    fn what_a_node_has_is_changed_by_replace() {
        for (name, text) in modules().filter(|(name, _)| name != "replace.mjs") {
            for line in text.lines() {
                let assigned = assigned(line);
                // Of a node record of our own.
                let ours = assigned.is_none_or(|target| target.starts_with("record."));
                assert!(ours, "{name}: {line}");
            }
        }
        assert_eq!(
            assigned("  A.prototype.b = function () {"),
            Some("A.prototype.b")
        );
        assert_eq!(assigned("  if (x) a[b].c = d;"), Some("a[b].c"));
        assert_eq!(assigned("  const { a } = b.c; // d.e = f"), None);
    }

    /// The property to which a line assigns.
    fn assigned(line: &str) -> Option<&str> {
        let (before, _) = line.split("//").next()?.split_once(" = ")?;
        let target = before.rsplit([' ', '(']).next()?;
        target.contains('.').then_some(target)
    }

    /// Its table names each module, and where it is used.
    #[test]
    fn the_readme_tells_of_every_module() {
        let files = files();
        let rows: BTreeMap<&str, &str> = files["README.md"]
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
            .collect();
        let told: Vec<&str> = rows.keys().copied().collect();
        let there = files.keys().filter(|name| *name != "README.md");
        let there: Vec<&String> = there.collect();
        assert_eq!(told, there);
        let attacks: Vec<&str> = super::super::scenarios().map(|one| one.name).collect();
        for (name, row) in rows {
            let (_, users) = row
                .trim_end_matches(" |")
                .rsplit_once(" | ")
                .expect("users");
            for user in users.split(", ").map(|user| user.trim_matches('`')) {
                let by_module = files.get(user).is_some_and(|text| text.contains(name));
                let known = attacks.contains(&user) || by_module || user == "every one";
                assert!(known, "{name} is used by `{user}`");
            }
        }
    }
}
