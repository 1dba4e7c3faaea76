//! Makes the parts of a cluster without making one: `parts toolchain`.

use std::error::Error;
use std::io::Write as _;
use std::sync::Arc;

use aznet_cluster::paths::Paths;
use aznet_cluster::progress::{Progress, Reporter};
use aznet_cluster::source::Source;
use aznet_cluster::toolchain::{self, Program, Settings};
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
    let settings = Settings::from_env()?;
    let tools = toolchain::ensure(&paths, &source, &settings, &report, &cancel).await?;
    writeln!(
        std::io::stdout(),
        "{}",
        tools.path(Program::Kubelet).display()
    )?;
    Ok(())
}
