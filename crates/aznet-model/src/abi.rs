//! The parts of Aztec's L1 contracts that are called. Signatures are those of `@aztec/l1-artifacts` 4.1.2.

pub mod publishing;

use alloy_sol_types::sol;

use crate::report::Standing;

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
        /// The newest checkpoint and the newest proven one.
        function getTips() external view returns (ChainTips memory);
        /// A checkpoint that is not older than the last proven one; reverts for others.
        function getCheckpoint(uint256 number) external view returns (Checkpoint memory);
        /// The token that is staked.
        function getStakingAsset() external view returns (address);
        /// The governance staking escrow.
        function getGSE() external view returns (address);
        /// Stake, way out and keys of an attester.
        function getAttesterView(address attester) external view returns (AttesterView memory);
        /// Attesters in the set.
        function getActiveAttesterCount() external view returns (uint256);
        /// How many a committee of the epoch at this time is drawn from.
        function getSamplingSizeAt(uint256 timestamp) external view returns (uint256);
        /// The committee of an epoch; reverts while it can't be drawn.
        function getEpochCommittee(uint256 epoch) external view returns (address[] memory);
        /// Epochs.
        function getLagInEpochsForValidatorSet() external view returns (uint256);
        /// Whose turn it is at this time, in this epoch or the next; writes nothing when called.
        function getProposerAt(uint256 timestamp) external returns (address);
        /// Seconds since 1970.
        function getGenesisTime() external view returns (uint256);
        /// Seconds for which the stake of who leaves is locked.
        function getExitDelay() external view returns (uint256);
        /// Whether checkpoints may be taken back at this time, since no proof came in time.
        function canPruneAtTime(uint256 timestamp) external view returns (bool);
        /// Takes them back; anyone may. Reverts while there is nothing to take back.
        function prune() external;
        /// Checkpoints after the proven one, up to the pending one, were taken back: no proof came in time.
        event PrunedPending(uint256 provenCheckpointNumber, uint256 pendingCheckpointNumber);
        /// A checkpoint is on L1.
        event CheckpointProposed(uint256 indexed checkpointNumber, bytes32 indexed archive, bytes32[] versionedBlobHashes, bytes32 payloadDigest, bytes32 attestationsHash);
        /// A checkpoint was taken back: it lacked the attestations of a quorum.
        event CheckpointInvalidated(uint256 indexed checkpointNumber);
        /// An attester left.
        event WithdrawInitiated(address indexed attester, address indexed recipient, uint256 amount);
        /// An attester lost stake, and perhaps its place.
        event Slashed(address indexed attester, uint256 amount);
        /// Takes an attester out of the set; for its withdrawer only.
        function initiateWithdraw(address attester, address recipient) external returns (bool);
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

    /// Checkpoints by number.
    struct ChainTips {
        uint256 pending;
        uint256 proven;
    }

    /// A checkpoint: the first of its fields, which are the same in all releases.
    struct Checkpoint {
        bytes32 archive;
        bytes32 headerHash;
        bytes32 blobCommitmentsHash;
        bytes32 outHash;
        bytes32 attestationsHash;
        bytes32 payloadDigest;
        uint256 slotNumber;
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

    /// An attester, as the rollup knows it.
    struct AttesterView {
        uint8 status;
        uint256 effectiveBalance;
        Exit exit;
        AttesterConfig config;
    }

    /// Stake on its way out.
    struct Exit {
        uint256 withdrawalId;
        uint256 amount;
        uint256 exitableAt;
        address recipientOrWithdrawer;
        bool isRecipient;
        bool exists;
    }

    /// What an attester was registered with, for good.
    struct AttesterConfig {
        G1Point publicKey;
        address withdrawer;
    }

    /// The governance staking escrow.
    interface Escrow {
        /// Attesters by their place in the set at a time.
        function getAttestersFromIndicesAtTime(address instance, uint256 timestamp, uint256[] memory indices)
            external view returns (address[] memory);
        /// The point that a new attester signs.
        function getRegistrationDigest(G1Point memory publicKey) external view returns (G1Point memory);
    }

    /// The staking asset of a test network.
    interface StakingAsset {
        /// Who may mint it: the account that deployed it.
        function owner() external view returns (address);
        /// For minters.
        function mint(address to, uint256 amount) external;
        /// Lets `spender` take `amount`.
        function approve(address spender, uint256 amount) external returns (bool);
    }
}

impl AttesterView {
    /// Where the attester stands; who is in the queue only counts as absent.
    pub fn standing(&self) -> Standing {
        let key = &self.config.publicKey;
        match self.status {
            1 => Standing::Validating,
            2 => Standing::Ejected,
            3 => Standing::Leaving,
            // The escrow keeps the key of who was ever in, and takes no second one.
            _ if !key.x.is_zero() || !key.y.is_zero() => Standing::Retired,
            _ => Standing::Absent,
        }
    }
}
