//! Names of methods of an Aztec node's JSON-RPC.

/// What a node is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Methods {
    /// The heads of the chain.
    pub tips: &'static str,
    /// A block by its hash.
    pub block_by_hash: &'static str,
    /// A block by its number.
    pub block: &'static str,
    /// Version, chain ids and L1 addresses.
    pub node_info: &'static str,
    /// The node record for peers.
    pub encoded_enr: &'static str,
    /// Whether it is ready to serve.
    pub is_ready: &'static str,
    /// Its peers.
    pub peers: &'static str,
    /// What its sentinel saw of validators.
    pub validators_stats: &'static str,
    /// What has become of a transaction.
    pub tx_receipt: &'static str,
    /// How many transactions wait for a block.
    pub pending_txs: &'static str,
    /// The proving jobs of a prover node.
    pub proving_jobs: &'static str,
    /// `true`: proving jobs are told on the admin port.
    pub jobs_on_admin_port: bool,
    /// Makes a node read its key stores anew; on the admin port.
    pub reload_keystore: &'static str,
    /// A node's settings; on the admin port.
    pub get_config: &'static str,
    /// Changes settings of a node; on the admin port.
    pub set_config: &'static str,
    /// What a validator has noted of others to vote on; on the admin port.
    pub slash_offenses: &'static str,
}

/// The names of 4.1.
pub(super) const OLD: Methods = Methods {
    tips: "node_getL2Tips",
    block_by_hash: "node_getBlockByHash",
    block: "node_getBlock",
    node_info: "node_getNodeInfo",
    encoded_enr: "node_getEncodedEnr",
    is_ready: "node_isReady",
    peers: "p2p_getPeers",
    validators_stats: "node_getValidatorsStats",
    tx_receipt: "node_getTxReceipt",
    pending_txs: "node_getPendingTxCount",
    proving_jobs: "prover_getJobs",
    jobs_on_admin_port: false,
    reload_keystore: "nodeAdmin_reloadKeystore",
    get_config: "nodeAdmin_getConfig",
    set_config: "nodeAdmin_setConfig",
    slash_offenses: "nodeAdmin_getSlashOffenses",
};

/// The names since 5.0. Aliases of the old prefixes exist there, with the new methods, and are marked for removal.
pub(super) const NEW: Methods = Methods {
    tips: "aztec_getChainTips",
    block_by_hash: "aztec_getBlock",
    block: "aztec_getBlock",
    node_info: "aztec_getNodeInfo",
    encoded_enr: "aztec_getEncodedEnr",
    is_ready: "aztec_isReady",
    peers: "aztec_getPeers",
    validators_stats: "aztec_getValidatorsStats",
    tx_receipt: "aztec_getTxReceipt",
    pending_txs: "aztec_getPendingTxCount",
    proving_jobs: "prover_getJobs",
    jobs_on_admin_port: true,
    reload_keystore: "aztecAdmin_reloadKeystore",
    get_config: "aztecAdmin_getConfig",
    set_config: "aztecAdmin_setConfig",
    slash_offenses: "aztecAdmin_getSlashOffenses",
};
