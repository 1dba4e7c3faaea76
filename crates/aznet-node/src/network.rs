//! Which network a pod belongs to: the one it joins, or the one it starts by deploying the L1 contracts.

pub(crate) mod attempt;
pub(crate) mod deployment;
mod forge;
pub(crate) mod join;
mod nodes;
pub(crate) mod record;
pub(crate) mod rollup;
