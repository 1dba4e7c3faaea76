//! What scenarios are drawn from: the chart's values and the faults that have a name, read once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aznet_chaos::load::{self as chaos, Request};
use aznet_model::chaos::Experiment;
use aznet_model::plan::{Capacity, Plan, plan};
use aznet_model::timing::ProtocolTime;
use aznet_model::units::{Bytes, MilliCpu};
use aznet_model::values::{Layer, Problem, Values, resolve};
use aznet_network::load as network;
use serde_json::{Map, Value};

use super::drawn::{BASE, Drawn, Unusable, catalogue};
use crate::condition::{Cast, Does, Wave};
use crate::topology::Facts;

/// What every drawn network fits into, so that a seed draws the same on every machine: 2 cores, less what a cluster takes,
/// and the 12 GiB that `small` asks a machine for.
const MACHINE: Capacity = Capacity {
    memory: Bytes::mebibytes(12 * 1024),
    cpu: MilliCpu(1_500),
    cpu_in_all: MilliCpu(1_500),
};

/// What scenarios are drawn from.
#[derive(Debug)]
pub struct Ground {
    defaults: Map<String, Value>,
    base: Layer,
    presets: BTreeMap<&'static str, Experiment>,
    /// Networks that were worked out: few are drawn, each often.
    known: Mutex<BTreeMap<BTreeMap<String, u32>, Arc<Setting>>>,
}

/// A source tree that nothing can be drawn from.
#[derive(Debug, thiserror::Error)]
pub enum GroundError {
    /// The values of networks.
    #[error(transparent)]
    Network(#[from] network::LoadError),
    /// The presets of faults.
    #[error(transparent)]
    Chaos(#[from] chaos::LoadError),
}

/// A drawn network, worked out.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) values: Values,
    pub(super) plan: Plan,
    pub(super) facts: Facts,
}

impl Ground {
    /// Reads what a source tree has.
    ///
    /// # Errors
    /// [`GroundError`].
    pub fn read(source: &Path) -> Result<Self, GroundError> {
        let chart = &source.join("helm-charts/aztec-chaos");
        let mut presets = BTreeMap::new();
        for (_, wave) in catalogue() {
            if let Does::Preset(name, _) = wave.does {
                let mut loaded = chaos::load(&Request {
                    chart,
                    preset: Some(name),
                    inline: &[],
                    files: &[],
                    sets: &[],
                })?;
                presets.extend(loaded.experiments.remove(name).map(|one| (name, one)));
            }
        }
        let (defaults, base) = network::of_network(source, BASE)?;
        Ok(Self {
            defaults,
            base,
            presets,
            known: Mutex::default(),
        })
    }

    /// What decides which faults a network can have.
    ///
    /// # Errors
    /// [`Unusable::Values`].
    pub fn facts(&self, drawn: &Drawn) -> Result<Facts, Unusable> {
        Ok(self.setting(drawn)?.facts.clone())
    }

    /// The network of a scenario.
    pub(super) fn setting(&self, drawn: &Drawn) -> Result<Arc<Setting>, Unusable> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(setting) = known.get(&drawn.set) {
            return Ok(setting.clone());
        }
        let setting = Arc::new(self.worked_out(drawn)?);
        known.insert(drawn.set.clone(), setting.clone());
        Ok(setting)
    }

    fn worked_out(&self, drawn: &Drawn) -> Result<Setting, Unusable> {
        let layers = vec![self.base.clone()];
        let loaded = resolve(&self.defaults, layers, &drawn.sets())
            .map_err(|error| Unusable::Values(error.to_string()))?;
        let values = loaded.values;
        let plan = plan(&values).map_err(|problems| {
            let problems: Vec<String> = problems.iter().map(Problem::to_string).collect();
            Unusable::Values(problems.join("; "))
        })?;
        let facts = Facts::of(&values, &plan);
        Ok(Setting {
            values,
            plan,
            facts,
        })
    }

    /// What is asked of Chaos Mesh, or done in its place; `None`: that is a change of the network.
    pub(super) fn experiment(
        &self,
        wave: &Wave,
        setting: &Setting,
        seed: u64,
    ) -> Option<Experiment> {
        if let Does::Preset(name, _) = wave.does {
            return self.presets.get(name).cloned();
        }
        let cast = Cast {
            facts: &setting.facts,
            time: setting.time(),
            seed,
        };
        let mut overlay = wave.values(&cast)?.overlay;
        let experiment = overlay.get_mut("experiments")?.get_mut(wave.experiment())?;
        serde_json::from_value(experiment.take()).ok()
    }
}

impl Setting {
    /// Why it is too large for every machine to draw it.
    pub(super) fn is_too_large(&self) -> Option<String> {
        let fits = self.plan.check_machine(&MACHINE);
        fits.err().map(|error| error.to_string())
    }

    /// Slots from the end of an epoch until it is taken back for want of a proof.
    pub(super) fn proof_window(&self) -> u64 {
        let timing = &self.plan.timing;
        timing.proof_window_seconds / timing.slot_seconds.max(1)
    }

    /// How long faults last by the clock; when a block is final is none of theirs.
    fn time(&self) -> ProtocolTime {
        let network = &self.values.network;
        let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        ProtocolTime {
            slot: Duration::from_secs(network.slot_duration),
            epoch_slots: number(network.epoch_duration),
            proof_submission_epochs: number(network.proof_submission_epochs),
            finality: Duration::ZERO,
            l1_block: Duration::from_secs(self.values.l1.block_time),
        }
    }
}
