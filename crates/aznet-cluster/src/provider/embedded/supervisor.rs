//! The process that stays: it leads the host's port to the API, and runs the components inside the cluster's network
//! namespace, starting again whatever ends.

mod board;
mod child;
mod log;
mod proxy;
mod volumes;

use std::net::{Ipv4Addr, TcpListener};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::warn;

use self::board::{Api, Board};
use super::cgroup::Cgroups;
use super::components::Component;
use super::error::Error;
use super::layout::Layout;
use super::name::check_name;
use super::spec::Spec;
use super::{config, netns};
use crate::machine::process::Process;
use crate::paths::Paths;
use aznet_kit::files::{self, Access};
use aznet_kit::lock::{Attempt, Lock, Share};

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
    // Components make files that pods run and read, whatever the umask of whoever called `up`.
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
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
fn become_supervisor(layout: &Layout) -> Result<Lock, Error> {
    let lock = match Lock::attempt(&layout.run().join("supervisor.lock"), Share::Alone)? {
        Attempt::Held(lock) => lock,
        Attempt::Taken(holder) => {
            return Err(Error::Supervised {
                name: layout.name().to_owned(),
                holder,
            });
        }
    };
    files::remove_if_there(&layout.status())?;
    let this = Process::this().map_err(Error::kernel("find this process"))?;
    files::write_json(&layout.supervisor(), &this, Access::Private)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_supervisor_names_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(&Paths::new(dir.path(), dir.path(), dir.path()), "a");
        files::make_dir(layout.run(), Access::Private).unwrap();
        let _first = become_supervisor(&layout).unwrap();
        let error = become_supervisor(&layout).unwrap_err().to_string();
        let pid = std::process::id();
        assert!(error.ends_with(&format!("process {pid}")), "{error}");
    }
}
