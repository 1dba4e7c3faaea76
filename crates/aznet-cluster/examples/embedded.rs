//! An embedded cluster without the rest of aznet: `embedded up NAME`, `embedded down NAME`, `embedded list`.
//!
//! `AZNET_TEST_PARTS` names a JSON file with the `binaries` and `images` to use. The tests use the fourth verb,
//! `embedded supervise NAME`, in place of `aznet cluster supervise NAME`.

use std::error::Error;
use std::io::{Write, stderr, stdout};
use std::process::ExitCode;
use std::sync::Arc;

use aznet_cluster::embedded::{self, Binaries, Images, Options};
use aznet_cluster::paths::Paths;
use aznet_cluster::progress::Reporter;
use tokio_util::sync::CancellationToken;

type Outcome = Result<(), Box<dyn Error>>;

#[derive(serde::Deserialize)]
struct Parts {
    binaries: Binaries,
    images: Images,
}

fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(stderr).init();
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args[..] {
        ["supervise", name] => supervise(name),
        ["up", name] => on_runtime(up(name)),
        ["down", name] => on_runtime(down(name)),
        ["list"] => list(),
        _ => Err("usage: embedded up|down|supervise NAME, or list".into()),
    };
    let Err(error) = outcome else {
        return ExitCode::SUCCESS;
    };
    let mut cause = error.source();
    let _ = writeln!(stderr(), "error: {error}");
    while let Some(error) = cause {
        let _ = writeln!(stderr(), "  because: {error}");
        cause = error.source();
    }
    ExitCode::FAILURE
}

fn supervise(name: &str) -> Outcome {
    Ok(embedded::supervise(&Paths::from_env()?, name)?)
}

fn on_runtime(task: impl Future<Output = Outcome>) -> Outcome {
    tokio::runtime::Runtime::new()?.block_on(task)
}

fn reporter() -> Reporter {
    Arc::new(|progress| {
        let _ = writeln!(
            stderr(),
            "{:6.2} {}",
            progress.elapsed.as_secs_f64(),
            progress.message
        );
    })
}

async fn up(name: &str) -> Outcome {
    let file = std::env::var_os("AZNET_TEST_PARTS").ok_or("AZNET_TEST_PARTS is not set")?;
    let Parts { binaries, images } = serde_json::from_slice(&std::fs::read(file)?)?;
    let options = Options {
        name: name.to_owned(),
        supervisor: vec![std::env::current_exe()?.into(), "supervise".into()],
    };
    let (paths, cancel) = (Paths::from_env()?, CancellationToken::new());
    let cluster = embedded::up(&paths, &binaries, &images, &options, &reporter(), &cancel).await?;
    if let Some(kubeconfig) = cluster.kubeconfig {
        writeln!(stdout(), "{}", kubeconfig.display())?;
    }
    Ok(())
}

async fn down(name: &str) -> Outcome {
    let cancel = CancellationToken::new();
    Ok(embedded::down(&Paths::from_env()?, name, &reporter(), &cancel).await?)
}

fn list() -> Outcome {
    let clusters = embedded::list(&Paths::from_env()?)?;
    Ok(serde_json::to_writer_pretty(stdout(), &clusters)?)
}
