//! The parts of Aztec's L1 contracts that pods call. Signatures are those of `@aztec/l1-artifacts` 4.1.2.

use alloy_primitives::Address;
use alloy_sol_types::sol;

use crate::error::NodeError;
use crate::l1::{L1, L1Error};
use aznet_node::config::NetworkConfig;

sol! {
    /// A point of the first group of BN254.
    #[derive(Debug, PartialEq, Eq)]
    struct G1Point { uint256 x; uint256 y; }
    /// A point of the second group of BN254.
    #[derive(Debug, PartialEq, Eq)]
    struct G2Point { uint256 x0; uint256 x1; uint256 y0; uint256 y1; }

    /// The registry of rollups.
    interface Registry {
        /// The rollup that nodes follow.
        function getCanonicalRollup() external view returns (address);
    }

    /// The rollup.
    interface Rollup {
        /// Seconds.
        function getSlotDuration() external view returns (uint256);
        /// Slots.
        function getEpochDuration() external view returns (uint256);
        /// Validators.
        function getTargetCommitteeSize() external view returns (uint256);
        /// Epochs.
        function getProofSubmissionEpochs() external view returns (uint256);
        /// 0 none, 1 validating, 2 zombie, 3 exiting.
        function getStatus(address attester) external view returns (uint8);
        /// The token that is staked.
        function getStakingAsset() external view returns (address);
        /// The governance staking escrow.
        function getGSE() external view returns (address);
        /// Stake of an attester.
        function getActivationThreshold() external view returns (uint256);
        /// Attesters that wait for a place.
        function getEntryQueueLength() external view returns (uint256);
        /// One of them.
        function getEntryQueueAt(uint256 index) external view returns (Deposit memory);
        /// How many of them may enter in this epoch.
        function getAvailableValidatorFlushes() external view returns (uint256);
        /// Puts an attester into the queue.
        function deposit(
            address attester, address withdrawer, G1Point memory publicKeyInG1, G2Point memory publicKeyInG2,
            G1Point memory proofOfPossession, bool moveWithLatestRollup
        ) external;
        /// Lets the queue in.
        function flushEntryQueue() external;
    }

    /// An attester in the queue.
    struct Deposit {
        address attester;
        address withdrawer;
        G1Point publicKeyInG1;
        G2Point publicKeyInG2;
        G1Point proofOfPossession;
        bool moveWithLatestRollup;
    }

    /// The governance staking escrow.
    interface Escrow {
        /// The point that a new attester signs.
        function getRegistrationDigest(G1Point memory publicKey) external view returns (G1Point memory);
    }

    /// The staking asset of a test network.
    interface StakingAsset {
        /// For minters.
        function mint(address to, uint256 amount) external;
        /// Lets `spender` take `amount`.
        function approve(address spender, uint256 amount) external returns (bool);
    }
}

/// The rollup of a registry, after a check that its timing is the configured one.
pub(crate) fn canonical_rollup(
    l1: &L1,
    registry: Address,
    config: &NetworkConfig,
) -> Result<Address, NodeError> {
    let rollup = l1.read(registry, &Registry::getCanonicalRollupCall {})?;
    for (what, actual, configured) in [
        (
            "slotDuration",
            l1.read(rollup, &Rollup::getSlotDurationCall {}),
            config.slot_duration,
        ),
        (
            "epochDuration",
            l1.read(rollup, &Rollup::getEpochDurationCall {}),
            config.epoch_duration,
        ),
        (
            "committeeSize",
            l1.read(rollup, &Rollup::getTargetCommitteeSizeCall {}),
            config.committee_size,
        ),
        (
            "proofSubmissionEpochs",
            l1.read(rollup, &Rollup::getProofSubmissionEpochsCall {}),
            config.proof_submission_epochs,
        ),
    ] {
        let actual = actual?.saturating_to::<u64>();
        if actual != configured {
            return Err(NodeError::Timing {
                rollup,
                what,
                actual,
                configured,
            });
        }
    }
    Ok(rollup)
}

/// Where an attester stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Unknown to the rollup.
    Absent,
    /// In the entry queue.
    Queued,
    /// In the validator set.
    Validating,
    /// Slashed below the threshold, or leaving; can't come back before its exit delay is over.
    Leaving,
}

/// Where an attester stands.
pub(crate) fn standing(l1: &L1, rollup: Address, attester: Address) -> Result<Standing, L1Error> {
    match l1.read(rollup, &Rollup::getStatusCall { attester })? {
        0 if is_queued(l1, rollup, attester)? => Ok(Standing::Queued),
        0 => Ok(Standing::Absent),
        1 => Ok(Standing::Validating),
        _ => Ok(Standing::Leaving),
    }
}

fn is_queued(l1: &L1, rollup: Address, attester: Address) -> Result<bool, L1Error> {
    let length = l1
        .read(rollup, &Rollup::getEntryQueueLengthCall {})?
        .saturating_to::<u64>();
    for index in 0..length {
        let index = alloy_primitives::U256::from(index);
        if l1
            .read(rollup, &Rollup::getEntryQueueAtCall { index })?
            .attester
            == attester
        {
            return Ok(true);
        }
    }
    Ok(false)
}
