//! The supervisor by itself: `supervise NAME`, with the directories named by the environment. The tests use it in
//! place of `aznet cluster supervise NAME`.

use std::process::ExitCode;

use aznet_cluster::embedded;
use aznet_cluster::paths::Paths;
use tracing::error;

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let name = std::env::args().nth(1).unwrap_or_default();
    let paths = match Paths::from_env() {
        Ok(paths) => paths,
        Err(error) => {
            error!(%error, "no directories");
            return ExitCode::FAILURE;
        }
    };
    if let Err(error) = embedded::supervise(&paths, &name) {
        let cause = std::error::Error::source(&error);
        error!(%error, cause, "not supervised");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
