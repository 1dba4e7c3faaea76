//! A network that runs, and what `up` would make of it: `up` does what `plan --diff` shows, by the same functions.

use anyhow::Context as _;
use aznet_model::upgrade::{Upgrade, Wanted};
use aznet_model::values::Loaded;
use aznet_network::deploy::helm::Helm;
use aznet_network::deploy::{Chart, Drift, drift, preview};
use aznet_network::load::Base;
use aznet_network::namespace::{NamespaceError, Network};
use aznet_network::observe::release::Release;
use aznet_network::secrets::{self, Unfit};
use aznet_network::validators;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::args::ValuesArgs;
use crate::context::Context;
use crate::diff::{Change, changes, says};
use crate::failure::Failure;
use crate::planning::{Planned, planned_on};

/// How the references of images begin that were built here.
const BUILT_HERE: &str = "localhost/aznet/";

/// A network that runs, with the values of its release.
pub(crate) struct Running {
    /// The network.
    pub(crate) network: Network,
    /// What was laid over the chart's defaults.
    pub(crate) values: Map<String, Value>,
}

/// What a command line makes of a network that runs.
pub(crate) struct Wish {
    /// The values and what they mean.
    pub(crate) planned: Planned,
    /// What differs from the release.
    pub(crate) changes: Vec<Change>,
    /// What the release says and neither the network's file nor the command line.
    pub(crate) kept: Vec<Change>,
    /// What the network's file says and the release does not: the file gained it since.
    pub(crate) gained: Vec<Change>,
    /// The overlay in `networks/` that it came from, or goes back to.
    pub(crate) from: String,
}

impl Running {
    /// Reads the release.
    pub(crate) async fn read(network: Network) -> Result<Self, NamespaceError> {
        let release = Release::of(&network).await?;
        let values = release.map(|release| release.values).unwrap_or_default();
        Ok(Self { network, values })
    }

    /// The release's values with what the command line says over them; with `reset` the network's file in their place.
    pub(crate) fn wish(
        &self,
        context: &Context,
        args: &ValuesArgs,
        reset: bool,
        implied: Option<&Value>,
    ) -> anyhow::Result<Wish> {
        let made_from = self.network.info().values_from.as_deref();
        let from = args
            .network
            .as_deref()
            .or(made_from)
            .unwrap_or(ValuesArgs::USUAL);
        let own = implied.map(|implied| over(implied, &self.values));
        let anew = || planned_on(Base::Network(from), context, args, own.as_ref());
        let planned = if reset {
            anew()?
        } else {
            self.check_name(args)?;
            planned_on(Base::Release(&self.values), context, args, own.as_ref())?
        };
        // A file that has gone, or says what can't be any more, takes nothing from the release.
        let (kept, gained) = match anew() {
            Ok(fresh) if !reset => against_file(&fresh.loaded, &planned.loaded),
            _ => Default::default(),
        };
        Ok(Wish {
            changes: changes(
                &Value::Object(self.values.clone()),
                &Value::Object(planned.loaded.overlay.clone()),
            ),
            kept,
            gained,
            from: from.to_owned(),
            planned,
        })
    }

    /// A NETWORK that is another than the one it was made from is most likely a slip.
    fn check_name(&self, args: &ValuesArgs) -> anyhow::Result<()> {
        let made_from = self.network.info().values_from.clone();
        match (made_from, &args.network) {
            (Some(made_from), Some(named)) if made_from != *named => Err(Failure::OtherNetwork {
                network: self.network.name().to_owned(),
                made_from,
                named: named.clone(),
            }
            .into()),
            _ => Ok(()),
        }
    }
}

impl Wish {
    /// What it keeps, and what the file has that the network lacks, in a line.
    pub(crate) fn keeps(&self) -> Option<String> {
        keeps(&self.from, &self.kept, &self.gained)
    }
}

/// `keeps validator.replicas=5, …`, if anything is; and what the file has gained.
fn keeps(from: &str, kept: &[Change], gained: &[Change]) -> Option<String> {
    let file = format!("networks/{from}.yaml");
    let list = |changes: &[Change]| {
        let settings: Vec<String> = changes.iter().map(Change::setting).collect();
        settings.join(", ")
    };
    let keeps = format!("keeps {}", list(kept));
    let has = format!("{file} has since gained {}", list(gained));
    match (kept.is_empty(), gained.is_empty()) {
        (true, true) => None,
        (false, true) => Some(format!("{keeps}; `--reset` goes back to {file}")),
        (true, false) => Some(format!("{has}; `--reset` takes it over")),
        (false, false) => Some(format!("{keeps}; {has}; `--reset` goes back to that file")),
    }
}

/// What a release's values mean against the network's file, both with the same command line over them: what it keeps that
/// the file has otherwise, and what the file has gained that it does not have. What comes to the same by the chart's
/// defaults is neither.
fn against_file(file: &Loaded, release: &Loaded) -> (Vec<Change>, Vec<Change>) {
    let (file, kept) = (
        Value::Object(file.coalesced.clone()),
        Value::Object(release.coalesced.clone()),
    );
    let said = Value::Object(release.overlay.clone());
    let mut keeps = changes(&file, &kept);
    keeps.retain(|change| says(&said, &change.key));
    let mut gained = changes(&kept, &file);
    gained.retain(|change| !says(&said, &change.key));
    (keeps, gained)
}

/// What the cluster implies, without what the release says by itself: an image of the user's own, a Grafana of theirs.
fn over(implied: &Value, release: &Map<String, Value>) -> Value {
    let mut implied = implied.clone();
    let own = |key: &str| {
        let image = release.get("images")?.get(key)?.get("image")?.as_str()?;
        Some(!image.starts_with(BUILT_HERE))
    };
    if let Some(images) = implied["images"].as_object_mut() {
        images.retain(|key, _| own(key) != Some(true));
    }
    let grafana = release
        .get("telemetry")
        .and_then(|telemetry| telemetry.get("grafana")?.get("enabled"));
    if grafana == Some(&json!(true)) {
        implied["telemetry"] = json!({});
    }
    implied
}

/// What becomes of a network that runs.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Proposal {
    /// Name of the running network.
    pub(crate) running: String,
    /// Values that differ.
    pub(crate) changes: Vec<Change>,
    /// Values of the release that the command line doesn't say and that stay.
    pub(crate) kept: Vec<Change>,
    /// Values that the network's file has gained since and that stay out.
    pub(crate) gained: Vec<Change>,
    /// What that does.
    pub(crate) upgrade: Upgrade,
    /// Secrets that the new values name and that are not as they must be.
    pub(crate) unfit_secrets: Vec<Unfit>,
    /// What is odd about Secrets, and where keys come from now.
    pub(crate) warnings: Vec<String>,
    /// New validator pods that will not attest: their attesters left the validator set before.
    pub(crate) idle: Vec<String>,
    /// The line about what is kept.
    #[serde(skip)]
    pub(crate) keeps: Option<String>,
}

/// Works out what a wish does to the network; changes nothing.
pub(crate) async fn propose(
    context: &Context,
    helm: &Helm,
    network: &Network,
    wish: &Wish,
) -> anyhow::Result<Proposal> {
    let Planned { loaded, plan } = &wish.planned;
    let path = context.source.charts().join("aztec-network");
    let chart = Chart {
        helm,
        path: &path,
        overlay: &loaded.overlay,
        secrets: &plan.secrets,
    };
    let wanted = Wanted {
        committee: &plan.committee,
        retires: loaded.values.validator_set.retire,
    };
    let upgrade = preview(network, &chart, &wanted, context.interrupt.token()).await?;
    let idle = idle(context, network, &upgrade).await;
    let secrets = secrets::check(network, &plan.secrets).await?;
    let mut warnings = secrets.warnings;
    warnings.extend(wish.changes.iter().filter_map(other_keys));
    let drifts = drift(network).await?;
    warnings.extend(drifts.iter().map(scaled));
    Ok(Proposal {
        unfit_secrets: secrets.unfit,
        warnings,
        running: network.name().to_owned(),
        changes: wish.changes.clone(),
        kept: wish.kept.clone(),
        gained: wish.gained.clone(),
        keeps: wish.keeps(),
        idle,
        upgrade,
    })
}

/// A workload that somebody scaled by hand.
fn scaled(drift: &Drift) -> String {
    format!("{drift}: `aznet up` scales it back")
}

/// B13: a change of where keys come from. Whether they are the same ones is not looked at.
fn other_keys(change: &Change) -> Option<String> {
    let from = [
        "keys.existingSecret",
        "keys.keystoreSecret",
        "keys.mnemonic",
    ];
    let to_other_keys = from.contains(&change.key.as_str());
    to_other_keys.then(|| {
        format!(
            "{change}: unless these are the same keys, every attester and publisher is another; the attesters of before \
             stay in the validator set and attest no more"
        )
    })
}

/// New pods that can't validate. Only running validators can tell whose keys they would have.
async fn idle(context: &Context, network: &Network, upgrade: &Upgrade) -> Vec<String> {
    let new = upgrade.new_validators();
    if new.is_empty() {
        return Vec::new();
    }
    let seen = validators::collect(network, &new).await.with_context(|| {
        format!(
            "can't tell whether {} were in the set before",
            new.join(", ")
        )
    });
    match seen {
        Ok(seen) => {
            let retired = validators::retired(&seen);
            let idle = new.into_iter();
            idle.filter(|pod| retired.contains(pod.as_str())).collect()
        }
        Err(error) => {
            context.printer.warn(format_args!("{error:#}"));
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use aznet_network::load::{Request, load};

    use super::*;

    /// What a release keeps against `networks/mine.yaml`, and what that file has gained, as settings.
    fn against(file: &str, release: &Value, sets: &[&str]) -> [Vec<String>; 2] {
        let checkout = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        let (dir, chart) = (tempfile::tempdir().unwrap(), "helm-charts/aztec-network");
        fs::create_dir_all(dir.path().join(chart)).unwrap();
        fs::create_dir(dir.path().join("networks")).unwrap();
        let defaults = format!("{chart}/values.yaml");
        fs::copy(checkout.join(&defaults), dir.path().join(&defaults)).unwrap();
        fs::write(dir.path().join("networks/mine.yaml"), file).unwrap();
        let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
        let loaded = |base| {
            load(&Request {
                source: dir.path(),
                base,
                implied: None,
                files: &[],
                sets: &sets,
            })
            .unwrap()
        };
        let release = loaded(Base::Release(release.as_object().unwrap()));
        let (kept, gained) = against_file(&loaded(Base::Network("mine")), &release);
        [kept, gained].map(|changes| changes.iter().map(Change::setting).collect())
    }

    /// `keeps pxe.replicas=default` was said of a network whose file had gained the key since.
    #[test]
    fn what_the_file_gained_is_not_kept_and_what_comes_to_the_default_is_no_difference() {
        let default = "fullNode: {replicas: 1}\nbootNode: {replicas: 1}\n";
        let none: [Vec<String>; 2] = Default::default();
        assert_eq!(
            against(default, &json!({"fullNode": {"replicas": 1}}), &[]),
            none
        );
        let file = "fullNode: {replicas: 3}\npxe: {replicas: 0}\nvalidator: {env: {A: x}}\n";
        let release = json!({"fullNode": {"replicas": 2}, "validator": {"env": {"A": null}}});
        let [kept, gained] = against(file, &release, &[]);
        assert_eq!(kept, ["fullNode.replicas=2", "validator.env.A=default"]);
        assert_eq!(gained, ["pxe.replicas=0"]);
        let given = ["fullNode.replicas=5", "pxe.replicas=0"];
        let [kept, gained] = against(file, &release, &given);
        assert_eq!((kept.len(), gained.len()), (1, 0), "{kept:?} {gained:?}");
    }

    #[test]
    fn what_is_kept_and_what_was_gained_are_told_apart() {
        let change = |key: &str| Change {
            key: key.to_owned(),
            from: None,
            to: Some(json!(1)),
        };
        let told = |kept: &[&str], gained: &[&str]| {
            let list = |keys: &[&str]| keys.iter().map(|key| change(key)).collect::<Vec<_>>();
            keeps("small", &list(kept), &list(gained))
        };
        assert_eq!(told(&[], &[]), None);
        let words = [told(&["a"], &[]), told(&[], &["b"]), told(&["a"], &["b"])];
        assert_eq!(
            words.map(Option::unwrap),
            [
                "keeps a=1; `--reset` goes back to networks/small.yaml",
                "networks/small.yaml has since gained b=1; `--reset` takes it over",
                "keeps a=1; networks/small.yaml has since gained b=1; `--reset` goes back to that file",
            ]
        );
    }

    #[test]
    fn keys_from_elsewhere_are_other_keys() {
        let changes = changes(
            &json!({"keys": {}, "validator": {"replicas": 4}}),
            &json!({"keys": {"existingSecret": "mine"}, "validator": {"replicas": 5}}),
        );
        let told: Vec<String> = changes.iter().filter_map(other_keys).collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("keys.existingSecret: "), "{told:?}");
    }

    #[test]
    fn an_image_of_the_user_s_own_is_not_replaced_by_one_built_here() {
        let implied = json!({
            "images": {"aztec": {"image": "localhost/aznet/aztec:2"}, "pxe": {"image": "localhost/aznet/pxe:2"}},
            "telemetry": {"grafana": {"enabled": false}},
        });
        let release = json!({
            "images": {"aztec": {"image": "mine:1"}, "pxe": {"image": "localhost/aznet/pxe:1"}},
            "telemetry": {"grafana": {"enabled": true}},
        });
        let left = over(&implied, release.as_object().unwrap());
        assert_eq!(
            left["images"],
            json!({"pxe": {"image": "localhost/aznet/pxe:2"}})
        );
        assert_eq!(left["telemetry"], json!({}));
        assert_eq!(over(&implied, &Map::new()), implied);
    }
}
