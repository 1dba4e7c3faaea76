use super::*;

#[test]
fn tips_read_as_a_node_writes_them() {
    let tips: L2Tips = serde_json::from_value(json!({
        "proposed": {"number": 41, "hash": "0x0a"},
        "checkpointed": {"block": {"number": 40, "hash": "0x0b"}, "checkpoint": {"number": 39, "hash": "0x0c"}},
        "proven": {"block": {"number": 36, "hash": "0x0d"}, "checkpoint": {"number": 35, "hash": "0x0e"}},
        "finalized": {"block": {"number": 0, "hash": "0x0f"}, "checkpoint": {"number": 0, "hash": "0x10"}}
    }))
    .unwrap();
    assert_eq!(tips.proposed.number, BlockNumber(41));
    assert_eq!(tips.checkpointed.checkpoint.number, CheckpointNumber(39));
}

#[test]
fn a_receipt_before_and_after_its_block() {
    let pending: TxReceipt =
        serde_json::from_value(json!({"txHash": "0x1", "status": "pending"})).unwrap();
    assert_eq!(
        (pending.status, pending.block_number),
        (TxStatus::Pending, None)
    );
    let proven: TxReceipt = serde_json::from_value(json!({
        "txHash": "0x1", "status": "proven", "executionResult": "success",
        "transactionFee": "12345", "blockHash": "0x2", "blockNumber": 7, "epochNumber": 1
    }))
    .unwrap();
    assert!(proven.status.has_reached(&TxStatus::Checkpointed));
    assert_eq!(proven.block_number, Some(BlockNumber(7)));
}

#[test]
fn a_block_mixes_numbers_and_hex() {
    let block: Block = serde_json::from_value(json!({
        "archive": {"root": "0x1", "nextAvailableLeafIndex": 8},
        "header": {"globalVariables": {"chainId": "0x7a69", "blockNumber": 7, "slotNumber": "0x2a", "timestamp": "1700000000"}},
        "body": {"txEffects": []}, "checkpointNumber": 6, "indexWithinCheckpoint": 0
    }))
    .unwrap();
    assert_eq!(block.header.global_variables.slot_number, 42);
    assert_eq!(block.checkpoint_number, CheckpointNumber(6));
}

#[test]
fn validator_stats_with_and_without_a_sentinel() {
    let none: ValidatorsStats =
        serde_json::from_value(json!({"stats": {}, "slotWindow": 0})).unwrap();
    assert!(none.stats.is_empty() && none.last_processed_slot.is_none());
    let some: ValidatorsStats = serde_json::from_value(json!({
        "stats": {"0xab": {"address": "0xab", "totalSlots": 2,
            "missedProposals": {"currentStreak": 0, "count": 0, "total": 1}, "missedAttestations": {"currentStreak": 0, "count": 0, "total": 1},
            "history": [{"slot": 41, "status": "attestation-sent"}, {"slot": "42", "status": "checkpoint-mined"}]}},
        "lastProcessedSlot": 42, "initialSlot": 36, "slotWindow": 100
    }))
    .unwrap();
    assert_eq!(some.last_processed_slot, Some(Slot(42)));
    assert!(
        some.stats["0xab"]
            .history
            .iter()
            .all(|duty| duty.status.alive())
    );
}

#[test]
fn answers_of_newer_releases_are_read() {
    let stats: ValidatorsStats = serde_json::from_value(json!({
        "stats": {"0xab": {"totalSlots": 3, "allTimeEpochPerformance": {}, "history": [
            {"slot": "41", "status": "checkpoint-valid"},
            {"slot": "42", "status": "checkpoint-invalid"},
            {"slot": "43", "status": "of-tomorrow", "why": "unknown"}]}},
        "lastProcessedSlot": "43"
    }))
    .unwrap();
    let duties: Vec<&SlotDuty> = stats.stats["0xab"]
        .history
        .iter()
        .map(|duty| &duty.status)
        .collect();
    assert_eq!(
        duties,
        [
            &SlotDuty::CheckpointValid,
            &SlotDuty::CheckpointInvalid,
            &SlotDuty::Other("of-tomorrow".into())
        ]
    );
    assert!(duties[1].alive() && !duties[2].alive());
    let receipt: TxReceipt = serde_json::from_value(json!({
        "status": "checkpointed", "executionResult": "reverted", "blockNumber": 7, "blockHash": "0x2",
        "slotNumber": 41, "txIndexInBlock": 0, "epochNumber": 3
    }))
    .unwrap();
    assert_eq!(receipt.execution_result.as_deref(), Some("reverted"));
    let block: Block = serde_json::from_value(json!({
        "header": {"globalVariables": {"blockNumber": 7, "slotNumber": 42, "timestamp": "1700000000"}},
        "hash": "0x2", "number": 7, "checkpointNumber": 6, "archive": {}, "indexWithinCheckpoint": 1
    }))
    .unwrap();
    assert_eq!(BlockPlace::from(block).slot, Slot(42));
}

#[test]
fn heads_and_peers_of_newer_releases_are_read() {
    let tip = |n: u64| json!({"block": {"number": n, "hash": "0x0b", "extra": 1}, "checkpoint": {"number": n, "hash": "0x0c"}});
    let tips: L2Tips = serde_json::from_value(json!({
        "proposed": {"number": 9, "hash": "0x0a"}, "proposedCheckpoint": tip(8),
        "checkpointed": tip(7), "proven": tip(5), "finalized": tip(3)
    }))
    .unwrap();
    assert_eq!(tips.finalized.block.number, BlockNumber(3));
    let peers: Vec<Peer> = serde_json::from_value(json!([
        {"id": "16Xyz2", "status": "handshaking", "score": -1.5, "authenticated": true},
        {"id": "16Xyz3", "status": "cached", "addresses": ["/ip4/192.0.2.7/tcp/40400"]}
    ]))
    .unwrap();
    assert_eq!(peers[0].addresses.len() + peers[1].addresses.len(), 1);
    assert_eq!(
        (peers[0].status.as_str(), peers[1].score),
        ("handshaking", None)
    );
}

#[test]
fn a_status_that_is_not_known_is_shown_and_reaches_nothing() {
    let receipt: TxReceipt =
        serde_json::from_value(json!({"txHash": "0x1", "status": "sequenced"})).unwrap();
    assert_eq!(receipt.status, TxStatus::Other("sequenced".to_owned()));
    assert_eq!(receipt.status.to_string(), "sequenced");
    assert!(!receipt.status.has_reached(&TxStatus::Pending));
    assert!(!TxStatus::Finalized.has_reached(&receipt.status));
    assert_eq!(serde_json::to_value(&receipt.status).unwrap(), "sequenced");
}

#[test]
fn addresses_of_newer_releases_that_are_no_text_are_left_out() {
    let info: NodeInfo = serde_json::from_value(json!({
        "nodeVersion": "6.0.0", "l1ChainId": 31337, "rollupVersion": 1, "txsLimits": {"maxDaGas": 1},
        "l1ContractAddresses": {"rollupAddress": "0x01", "feeAssetHandlerAddress": null, "more": {"a": 1}}
    }))
    .unwrap();
    assert_eq!(info.contract("rollup"), Some("0x01"));
    assert_eq!(info.contract("feeAssetHandler"), None);
    assert!(info.enr.is_none());
}

#[test]
fn addresses_are_found_by_name() {
    let info: NodeInfo = serde_json::from_value(json!({
        "nodeVersion": "4.1.2", "l1ChainId": 31337, "rollupVersion": 1, "enr": "enr:-x",
        "l1ContractAddresses": {"rollupAddress": "0x01", "registryAddress": "0x02"},
        "protocolContractAddresses": {}, "realProofs": false
    }))
    .unwrap();
    assert_eq!(
        (info.contract("rollup"), info.contract("registry")),
        (Some("0x01"), Some("0x02"))
    );
    assert_eq!(info.contract("inbox"), None);
}
