//! The process that stays: it leads the host's port to the API, and runs the components inside the cluster's network
//! namespace, starting again whatever ends.

mod board;
mod child;
mod log;
mod proxy;
mod volumes;

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::warn;

use self::board::{Api, Board};
use super::cgroup::Cgroups;
use super::components::Component;
use super::layout::Layout;
use super::process::Process;
use super::spec::{Spec, check_name};
use super::{Error, config, lock, netns};
use crate::files;
use crate::paths::Paths;

/// Supervises the cluster `name`, which `up` has prepared; returns only if it can't. To be called before any thread is
/// started, since it moves the process to other cgroups and another network namespace.
///
/// # Errors
/// When the cluster is not prepared, has a supervisor already, or can't be entered.
pub fn supervise(paths: &Paths, name: &str) -> Result<(), Error> {
    check_name(name)?;
    let layout = Layout::new(paths, name);
    let mut spec = Spec::load(&layout)?.ok_or_else(|| Error::NoSuchCluster {
        name: name.to_owned(),
    })?;
    // Whoever started this one leads its session; it must not end with that one's terminal.
    let _ = nix::unistd::setsid();
    let _lock = become_supervisor(&layout)?;
    Cgroups::at(layout.cgroup())?.enter_system()?;
    let listener = listen(&layout, &mut spec)?;
    netns::enter(layout.netns())?;
    // One thread: a child ends with the thread that started it, and this one ends last.
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::kernel("start a runtime"))?
        .block_on(run(layout, spec, listener))
}

/// Makes sure there is only one, and says who it is.
fn become_supervisor(layout: &Layout) -> Result<File, Error> {
    let busy = || Error::Supervised {
        name: layout.name().to_owned(),
        pid: 0,
    };
    let lock = lock::try_hold(&layout.run().join("supervisor.lock"))?.ok_or_else(busy)?;
    files::remove_if_there(&layout.status())?;
    let this = Process::this().ok_or_else(busy)?;
    files::write_json(&layout.supervisor(), &this)?;
    Ok(lock)
}

/// Listens on the host's loopback, on the same port as ever if that is free.
fn listen(layout: &Layout, spec: &mut Spec) -> Result<TcpListener, Error> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    // A new cluster has no port yet.
    if spec.port != 0
        && let Ok(listener) = bind(spec.port)
    {
        return Ok(listener);
    }
    let listener = bind(0).map_err(Error::kernel("listen on 127.0.0.1"))?;
    let address = listener
        .local_addr()
        .map_err(Error::kernel("listen on 127.0.0.1"))?;
    spec.port = address.port();
    spec.save(layout)?;
    config::write_kubeconfig(layout, spec.port)?;
    Ok(listener)
}

async fn run(layout: Layout, spec: Spec, listener: TcpListener) -> Result<(), Error> {
    let components = Component::of(&spec);
    let board = Board::new(&layout, &components)?;
    let (stage, api) = watch::channel(Api::Silent);
    let mut tasks = JoinSet::new();
    tasks.spawn(proxy::serve(listener));
    tasks.spawn(volumes::serve(layout.clone(), api.clone()));
    tasks.spawn(board::watch_api(layout.clone(), board.clone(), stage));
    for component in components {
        let run = child::Run {
            component,
            layout: layout.clone(),
            spec: spec.clone(),
            board: board.clone(),
        };
        tasks.spawn(run.forever(api.clone()));
    }
    // None of them ends unless something is wrong with this process itself.
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok(outcome) => outcome?,
            Err(error) => warn!(%error, "a task of the supervisor ended"),
        }
    }
    Ok(())
}
