//! What can end this program, whatever it was started for.

use thiserror::Error;

use crate::image::ImageError;
use crate::install::InstallError;
use crate::probe::error::ProbeError;
use crate::restore::RestoreError;
use crate::roles::anvil::AnvilError;
use crate::roles::aztec::StartError;
use crate::roles::keystore::HandOverError;
use crate::serve::ServeError;
use crate::set::command::ValidatorsError;
use crate::signer::SignerError;
use crate::smoke::SmokeError;

/// What the process ends with where a restart is of no use, by which `aznet up` knows it: `EX_CONFIG` of sysexits.h.
const FINAL: u8 = 78;

/// Everything that ends with an exit code and a termination message.
#[derive(Debug, Error)]
pub(crate) enum NodeError {
    /// Installing the program.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// Running the L1.
    #[error(transparent)]
    Anvil(#[from] AnvilError),
    /// Starting a role's process.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Handing over key stores.
    #[error(transparent)]
    HandOver(#[from] HandOverError),
    /// Working on the validator set.
    #[error(transparent)]
    Validators(#[from] ValidatorsError),
    /// Looking at the image.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// Measuring.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// Taking back what was done.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// Serving files.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// Signing for others.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// Checking a network.
    #[error(transparent)]
    Smoke(#[from] SmokeError),
}

impl NodeError {
    fn is_final(&self) -> bool {
        match self {
            Self::Install(error) => error.is_final(),
            Self::Anvil(error) => error.is_final(),
            Self::Start(error) => error.is_final(),
            Self::HandOver(error) => error.is_final(),
            Self::Validators(error) => error.is_final(),
            Self::Probe(_) | Self::Image(_) | Self::Restore(_) | Self::Serve(_) => false,
            Self::Signer(error) => error.is_final(),
            Self::Smoke(error) => error.is_final(),
        }
    }

    /// What the process ends with.
    pub(crate) fn exit_code(&self) -> u8 {
        if self.is_final() { FINAL } else { 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::l1::L1Error;

    #[test]
    fn what_no_restart_mends_ends_with_78_however_deep_it_lies() {
        let other_chain = L1Error::OtherChain {
            server: "http://l1".into(),
            seen: 1,
            expected: 2,
        };
        assert_eq!(
            NodeError::from(StartError::from(other_chain)).exit_code(),
            78
        );
        let missing = HandOverError::NoKeystore("validator-0.json".into());
        assert_eq!(NodeError::from(missing).exit_code(), 1);
    }
}
