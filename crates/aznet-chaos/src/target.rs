//! Whether what an experiment asks for is there.

use std::collections::BTreeMap;

use aznet_model::chaos::Experiment;

use crate::effect::Effect;
use crate::error::ChaosError;
use crate::pods::Pods;

/// Checks experiments against the pods that there are, before anything is applied; says what each is to be seen by.
pub(crate) fn check(
    experiments: &BTreeMap<String, Experiment>,
    pods: &Pods,
) -> Result<BTreeMap<String, Effect>, ChaosError> {
    let each = experiments.iter();
    each.map(|(name, experiment)| {
        check_one(name, experiment, pods)?;
        Ok((name.clone(), Effect::of(name, experiment)?))
    })
    .collect()
}

fn check_one(name: &str, experiment: &Experiment, pods: &Pods) -> Result<(), ChaosError> {
    let may_be_hit = |pod: &&String| experiment.pods.may_hit(&pods[*pod].facts(pod));
    let fit: Vec<String> = pods.keys().filter(may_be_hit).cloned().collect();
    let experiment_name = name.to_owned();
    if fit.is_empty() {
        return Err(ChaosError::NoPods {
            experiment: experiment_name,
            asked: experiment.pods.to_string(),
            there: pods.keys().cloned().collect(),
        });
    }
    let asked = experiment.pods.count.unwrap_or(1);
    if usize::try_from(asked).is_ok_and(|asked| asked > fit.len()) {
        return Err(ChaosError::TooFew {
            experiment: experiment_name,
            asked,
            fit,
        });
    }
    let not_ready: Vec<String> = fit.into_iter().filter(|pod| !pods[pod].ready).collect();
    if !not_ready.is_empty() {
        return Err(ChaosError::NotReady {
            experiment: experiment_name,
            not_ready,
        });
    }
    Ok(())
}
