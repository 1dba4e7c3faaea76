//! ETH on the chart's own anvil.

use alloy_primitives::{Address, U256};

use crate::l1::{L1, L1Error};

const ETHER: u64 = 1_000_000_000_000_000_000;
/// What an account gets, in ether.
const ENOUGH: u64 = 10_000;
/// Below this an account is filled up, in ether.
const LOW: u64 = 100;

/// Fills up the accounts that are low.
pub(crate) fn fund(l1: &L1, accounts: impl IntoIterator<Item = Address>) -> Result<(), L1Error> {
    for account in accounts {
        if l1.balance(account)? < ether(LOW) {
            l1.set_balance(account, ether(ENOUGH))?;
        }
    }
    Ok(())
}

fn ether(amount: u64) -> U256 {
    U256::from(amount) * U256::from(ETHER)
}
