//! `cargo xtask scale`: what planning, installing, looking at, changing and removing a network costs from 10 to 1,000
//! validators. Nodes and pods are simulated by KWOK; the control plane, Helm, the chart and this program are real.

mod figures;
mod ground;
mod growth;
mod page;
mod plot;
mod process;
mod step;

use crate::bench::{machine, programs};
use crate::run;
use anyhow::{Result, bail};
use figures::{MEASURED, Measured, Size};
use ground::Ground;

pub(crate) use page::page;
pub(crate) use plot::plot;

/// Measures networks of so many validators on so many nodes. Prints the result, or keeps it beside that of other sizes; an
/// error if something of ours is beyond bounds then.
pub(crate) fn run(validators: &[u32], nodes: u32, print: bool) -> Result<()> {
    // As users do.
    run::check("cargo", &["build", "--bin", "aznet"])?;
    programs::aznet(&["images", "build"])?;
    let ground = Ground::make(nodes)?;
    let sizes = validators.iter().copied().map(step::all);
    let sizes: Result<Vec<Size>> = sizes.collect();
    let removed = ground.remove();
    let measured = Measured {
        machine: machine::describe(),
        nodes,
        sizes: sizes?,
    };
    removed?;
    if print {
        println!("{}", serde_json::to_string_pretty(&measured)?);
        return Ok(());
    }
    let measured = match Measured::read() {
        Ok(before) => measured.beside(before),
        Err(_) => measured,
    };
    measured.write()?;
    println!("wrote {MEASURED}; `cargo xtask generate` makes a page of it");
    match growth::beyond(&measured).as_slice() {
        [] => Ok(()),
        found => bail!("beyond bounds: {}", found.join(", ")),
    }
}
