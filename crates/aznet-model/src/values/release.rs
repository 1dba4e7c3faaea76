//! Of which release the values' images are.

use super::Values;
use crate::release::{Release, UnknownRelease};
use crate::role::Role;
use crate::workload::Workload;

/// The variable that the chart renders it to.
const BLOCK_DURATION: &str = "SEQ_BLOCK_DURATION_MS";

impl Values {
    /// The line of Aztec's releases that the network runs: that of `images.aztec.image`.
    ///
    /// # Errors
    /// [`UnknownRelease`], which a plan reports.
    pub fn release(&self) -> Result<&'static Release, UnknownRelease> {
        self.release_of_image(&self.images.aztec.image)
    }

    /// The line of what a workload's pods run.
    pub(crate) fn release_of(
        &self,
        workload: &Workload,
    ) -> Result<&'static Release, UnknownRelease> {
        self.release_of_image(&self.aztec_image_of(workload))
    }

    /// The image that a workload's Aztec runs from.
    pub(crate) fn aztec_image_of(&self, workload: &Workload) -> String {
        let own = self.pod_of(workload).image;
        own.filter(|image| !image.is_empty())
            .unwrap_or_else(|| self.images.aztec.image.clone())
    }

    /// The workloads with pods that run Aztec.
    pub(crate) fn aztec_workloads(&self) -> Vec<Workload> {
        let present = self
            .workloads()
            .into_iter()
            .filter(|workload| workload.role().runs_aztec() && self.replicas_of(workload) > 0);
        present.collect()
    }

    /// `true`: the L1 contracts are deployed, and with these values.
    pub(crate) const fn deploys(&self) -> bool {
        self.network.registry_address.is_empty()
    }

    /// Milliseconds for a block, where someone says so.
    pub(crate) fn block_duration(&self, validators: &Workload) -> Option<u64> {
        let env = self.pod_of(validators).env.unwrap_or_default();
        if let Some(said) = env.get(BLOCK_DURATION).and_then(|text| text.parse().ok()) {
            return Some(said);
        }
        let group = validators
            .group()
            .and_then(|name| self.validator_groups.get(name));
        let own = group.and_then(|group| group.sequencer.as_ref()?.block_duration_ms);
        own.or(self.validator.sequencer.block_duration_ms)
            .map(u64::from)
    }

    fn release_of_image(&self, image: &str) -> Result<&'static Release, UnknownRelease> {
        Release::of_image(image, Release::named(&self.network.release))
    }
}

impl Role {
    /// `true` for the roles whose process is Aztec's own program.
    pub(crate) const fn runs_aztec(self) -> bool {
        self.pushes() && !matches!(self, Self::Pxe)
    }
}
