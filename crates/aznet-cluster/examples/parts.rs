//! Makes the parts of a cluster without making one: `parts [doctor|fix|toolchain|images|store]`.

use std::error::Error;
use std::io::Write as _;
use std::sync::Arc;

use aznet_cluster::doctor;
use aznet_cluster::images;
use aznet_cluster::paths::Paths;
use aznet_cluster::progress::{Progress, Reporter};
use aznet_cluster::source::Source;
use aznet_cluster::toolchain::{self, Settings};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (paths, source) = (Paths::from_env()?, Source::locate()?);
    let report: Reporter = Arc::new(|event: Progress| {
        // A closed terminal is no reason to stop.
        let _closed = writeln!(std::io::stderr(), "{event}");
    });
    let cancel = CancellationToken::new();
    let on_signal = cancel.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            on_signal.cancel();
        }
    });
    let mut out = std::io::stdout();
    let what = std::env::args().nth(1).unwrap_or_else(|| "store".into());
    if what == "doctor" {
        for finding in doctor::check(&paths, &cancel).await {
            writeln!(out, "{:8} {finding}", format!("{:?}", finding.verdict))?;
        }
        return Ok(());
    }
    if what == "fix" {
        let installed = doctor::fix(&report, &cancel).await?;
        writeln!(out, "{}", installed.join(" "))?;
        return Ok(());
    }
    let settings = Settings::from_env()?;
    let tools = toolchain::ensure(&paths, &source, &settings, &report, &cancel).await?;
    if what == "toolchain" {
        let folders = toolchain::Group::ALL.map(|group| tools.path(group.programs()[0]));
        for path in folders {
            writeln!(out, "{}", path.display())?;
        }
        return Ok(());
    }
    let set = images::ensure(&paths, &source, &tools, &report, &cancel).await?;
    for built in set.iter() {
        writeln!(out, "{} {}", built.reference, built.archive.display())?;
    }
    if what == "store" {
        let store = images::store(&paths, &set, &report, &cancel).await?;
        writeln!(out, "{}", store.display())?;
    }
    Ok(())
}
