//! The process that keeps a network's URLs open on this machine's loopback: started when they are first asked for,
//! found again by what it wrote down about itself, one per network.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use aznet_cluster::machine::process::Process;
use aznet_cluster::paths::Paths;
use aznet_cluster::provider::Provider;
use aznet_kit::files::{self, Access};
use aznet_kit::lock::{Attempt, Lock, Share};
use aznet_kit::wait::{Deadline, Look, until};
use aznet_network::namespace::Network;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::ports;

/// Opening ports takes milliseconds; a machine under load takes its time to start a process.
const START_WITHIN: Deadline =
    Deadline::after(Duration::from_secs(20)).every(Duration::from_millis(50));

/// A process that was killed lets go of its lock when the kernel comes to it.
const LET_GO_WITHIN: Deadline =
    Deadline::after(Duration::from_secs(5)).every(Duration::from_millis(10));

/// URLs by the environment variable that Aztec's tools read them from.
pub(crate) type Urls = BTreeMap<String, String>;

/// What a forwarder writes down about itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The process.
    pub(crate) process: Process,
    /// The cluster, as in `--cluster`.
    pub(crate) cluster: String,
    /// The network's name.
    pub(crate) network: String,
    /// The first port of its row, if it has one.
    #[serde(default)]
    pub(crate) base: Option<u16>,
    /// Local ports by environment variable.
    pub(crate) ports: BTreeMap<String, u16>,
}

/// The files of a network's forwarder.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    folder: PathBuf,
    namespace: String,
}

impl Files {
    /// Those of the network in `namespace`. No cluster can be called `_forward`, so the folder is nobody else's.
    pub(crate) fn new(paths: &Paths, namespace: &str) -> Self {
        Self {
            folder: paths.run().join("_forward"),
            namespace: namespace.to_owned(),
        }
    }

    fn path(&self, kind: &str) -> PathBuf {
        self.folder.join(format!("{}.{kind}", self.namespace))
    }

    /// The record, whether its process lives or not.
    pub(crate) fn record(&self) -> Option<Record> {
        serde_json::from_slice(&fs::read(self.path("json")).ok()?).ok()
    }

    fn running(&self) -> Option<Record> {
        self.record().filter(|record| record.process.is_alive())
    }

    /// Writes the record so that a reader never sees half of it.
    pub(crate) fn write(&self, record: &Record) -> anyhow::Result<()> {
        Ok(files::write_json(
            &self.path("json"),
            record,
            Access::Private,
        )?)
    }

    /// Takes the lock that makes a forwarder the only one of its network; `None` if another holds it.
    pub(crate) fn lock(&self) -> anyhow::Result<Option<Lock>> {
        Ok(match Lock::attempt(&self.path("lock"), Share::Alone)? {
            Attempt::Held(lock) => Some(lock),
            Attempt::Taken(_) => None,
        })
    }

    /// Removes them, the lock last: whoever waits for it notices that the file is another.
    pub(crate) fn remove(&self, lock: Lock) {
        let remove = || {
            files::remove_if_there(&self.path("json"))?;
            files::remove_if_there(&self.path("log"))?;
            lock.remove()
        };
        if let Err(error) = remove() {
            tracing::warn!(%error, "files of a forwarder stay");
        }
        // Fails while other networks have theirs in it, and then it must stay.
        let _others_are_there = fs::remove_dir(&self.folder);
    }
}

impl Record {
    /// The URLs that it serves.
    pub(crate) fn urls(&self) -> Urls {
        self.ports
            .iter()
            .map(|(name, port)| (name.clone(), format!("http://127.0.0.1:{port}")))
            .collect()
    }
}

/// The process that keeps the URLs of the network in `namespace` open, if one does.
pub(crate) fn process(paths: &Paths, namespace: &str) -> Option<i32> {
    let record = Files::new(paths, namespace).running()?;
    Some(record.process.pid)
}

/// The network's URLs, on a row of ports that begins with `base` if one is given; starts its forwarder if none runs.
pub(crate) async fn urls(
    context: &Context,
    choice: &Provider,
    network: &Network,
    base: Option<u16>,
) -> anyhow::Result<Urls> {
    let files = Files::new(&context.paths, network.namespace());
    if let Some(record) = files.running() {
        if record.base == base {
            return Ok(record.urls());
        }
        stop(&context.paths, network.namespace()).await?;
    }
    if let Some(base) = base {
        ports::check(base, None)?;
    }
    let what = || {
        format!(
            "opening the URLs of network `{}` on this machine",
            network.name()
        )
    };
    let mut child = start(&files, choice, &context.paths).with_context(what)?;
    let found = until(
        "its forwarder to open the ports",
        START_WITHIN,
        context.interrupt.token(),
        |_| std::future::ready(look(&files, &mut child)),
    );
    Ok(found.await.with_context(what)?.urls())
}

fn look(files: &Files, child: &mut Child) -> anyhow::Result<Look<Record>> {
    if let Some(record) = files.running() {
        return Ok(Look::Done(record));
    }
    match child.try_wait().context("looking at the forwarder")? {
        // It found another one at work, which will write its record in a moment.
        Some(status) if status.success() => {
            Ok(Look::Pending("another forwarder is starting".to_owned()))
        }
        Some(status) => {
            let log = fs::read_to_string(files.path("log")).unwrap_or_default();
            Err(anyhow!("the forwarder ended ({status}): {}", log.trim()))
        }
        None => Ok(Look::Pending("it is starting".to_owned())),
    }
}

fn start(own: &Files, choice: &Provider, paths: &Paths) -> anyhow::Result<Child> {
    files::make_dir(&own.folder, Access::Shared).with_context(|| {
        format!(
            "making {}; AZNET_RUN names another place",
            own.folder.display()
        )
    })?;
    let log = open_log(&own.path("log"))?;
    let program = std::env::current_exe().context("finding this program")?;
    Command::new(&program)
        .args(["forward", &own.namespace, "--cluster", &choice.to_string()])
        .env("AZNET_CACHE", paths.cache())
        .env("AZNET_STATE", paths.state())
        .env("AZNET_RUN", paths.run())
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .with_context(|| format!("starting {}", program.display()))
}

fn open_log(path: &Path) -> anyhow::Result<File> {
    File::create(path).with_context(|| format!("opening {}", path.display()))
}

/// Ends the forwarder of the network in `namespace`, if it has one.
pub(crate) async fn stop(paths: &Paths, namespace: &str) -> anyhow::Result<()> {
    let files = Files::new(paths, namespace);
    if let Some(record) = files.record() {
        record
            .process
            .kill()
            .with_context(|| format!("ending the forwarder of {namespace}"))?;
        let (path, never) = (files.path("lock"), CancellationToken::new());
        match Lock::acquire(&path, Share::Alone, LET_GO_WITHIN, &never, |_| {}).await {
            Ok(lock) => files.remove(lock),
            // Whoever has it by now was started since, and the files are its own.
            Err(error) => tracing::debug!(%error, "files of a forwarder stay"),
        }
    }
    Ok(())
}

/// Ends all forwarders into a cluster.
pub(crate) async fn stop_all(paths: &Paths, cluster: &Provider) -> anyhow::Result<()> {
    let folder = paths.run().join("_forward");
    let Ok(entries) = fs::read_dir(&folder) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(namespace) = name.strip_suffix(".json") else {
            continue;
        };
        let record = Files::new(paths, namespace).record();
        if record.is_some_and(|record| record.cluster == cluster.to_string()) {
            stop(paths, namespace).await?;
        }
    }
    Ok(())
}
