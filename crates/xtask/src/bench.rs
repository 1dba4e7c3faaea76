//! `cargo xtask bench`: the budgets, measured on this machine, beside what a user has today.

pub(crate) mod machine;
mod median;
mod network;
mod peer;
mod plan;
pub(crate) mod programs;
mod table;
mod transactions;

use crate::image::Mounted;
use crate::run;
use anyhow::{Context, Result};
use programs::{aznet, program};
use table::{Budget, Figure, Table, What};

/// Measures `runs` times and writes docs/reference/benchmarks.md; of starts alone it prints the table.
pub(crate) fn run(runs: usize, starts: bool) -> Result<()> {
    // As users do.
    run::check("cargo", &["build", "--bin", "aznet"])?;
    aznet(&["doctor", "--fix"])?;
    aznet(&["images", "build"])?;
    let image = Mounted::pxe(program()?)?;
    let measured = measure(runs, starts, &image);
    if measured.is_err() {
        network::abandon();
    }
    image.remove()?;
    let page = measured?.page(&machine::describe());
    if starts {
        print!("{page}");
        return Ok(());
    }
    let path = run::root().join("docs/reference/benchmarks.md");
    std::fs::write(&path, page).with_context(|| format!("writing {}", path.display()))?;
    println!("wrote {}", path.display());
    Ok(())
}

fn measure(runs: usize, starts: bool, image: &Mounted) -> Result<Table> {
    let mut table = Table::default();
    for number in 1..=runs {
        println!("run {number} of {runs}");
        let mut figures: Vec<Figure> = peer::measure(image)?;
        if starts {
            figures.extend(network::starts()?);
        } else {
            let planned =
                What::new("plan + render for 1,000 validators", "s").budget(Budget::AtMost(2.0));
            figures.push(planned.is(plan::thousand_validators()?));
            figures.extend(network::small(image)?);
            figures.extend(network::tiny(image)?);
            figures.extend(network::fast(image)?);
            figures.extend(network::seed()?);
        }
        table.add(figures);
    }
    Ok(table)
}

/// Prints the seconds of transfers by Aztec.js on the network of a node.
pub(crate) fn transactions_on(node_url: &str, count: u32) -> Result<()> {
    let image = Mounted::pxe(program()?)?;
    let measured = transactions::measure(&image, node_url, count);
    if let Ok(seconds) = &measured {
        println!("{seconds}");
    }
    image.remove()?;
    measured.map(drop)
}
