//! The cluster's network namespace, named by a file that `nsenter --net=FILE` takes. Inside: loopback, a bridge that carries the
//! node's address, and a default route that leads nowhere. There is no link to the host.

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::Path;
use std::thread;

use futures::TryStreamExt;
use netlink_packet_route::route::RouteType;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::statfs::{NSFS_MAGIC, statfs};
use rtnetlink::{Handle, LinkBridge, LinkUnspec, RouteMessageBuilder};

use super::addresses::{CALICO_GATEWAY, NODE_ADDRESS, NODE_LINK, SERVICE_PREFIX, SERVICE_RANGE};
use super::error::Error;
use crate::machine::mounts;
use aznet_kit::files::{self, Access};

/// Whether `path` names a namespace; an empty file left by a reboot does not.
pub(crate) fn exists(path: &Path) -> bool {
    statfs(path).is_ok_and(|fs| fs.filesystem_type() == NSFS_MAGIC)
}

/// Makes the namespace and what is in it; leaves an existing one as it is.
pub(crate) fn ensure(path: &Path) -> Result<(), Error> {
    if exists(path) {
        return Ok(());
    }
    if let Some(dir) = path.parent() {
        files::make_dir(dir, Access::Private)?;
    }
    let outcome = create(path, furnish);
    if outcome.is_err() {
        remove(path)?;
    }
    outcome
}

/// Takes the name away; the namespace ends with its last process.
pub(crate) fn remove(path: &Path) -> Result<(), Error> {
    mounts::remove_under(path)?;
    Ok(files::remove_if_there(path)?)
}

/// Moves the calling thread, and all that it starts, into the namespace.
pub(crate) fn enter(path: &Path) -> Result<(), Error> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    setns(file, CloneFlags::CLONE_NEWNET)
        .map_err(|errno| Error::io("enter network namespace", path)(errno.into()))
}

/// Runs `task` inside the namespace, on a thread of its own.
pub(crate) fn within<T: Send>(
    path: &Path,
    task: impl FnOnce() -> Result<T, Error> + Send,
) -> Result<T, Error> {
    on_thread(|| {
        enter(path)?;
        task()
    })
}

/// Named only when it is furnished: whoever finds the name takes the namespace as it is.
fn create(path: &Path, furnish: impl FnOnce() -> Result<(), Error> + Send) -> Result<(), Error> {
    on_thread(|| {
        unshare(CloneFlags::CLONE_NEWNET).map_err(Error::kernel("make a network namespace"))?;
        furnish()?;
        File::create(path).map_err(Error::io("make", path))?;
        let (this, none) = (Some("/proc/thread-self/ns/net"), None::<&str>);
        mount(this, path, none, MsFlags::MS_BIND, none)
            .map_err(|errno| Error::io("name the network namespace", path)(errno.into()))
    })
}

/// Namespaces belong to threads.
fn on_thread<T: Send>(task: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
    thread::scope(|scope| {
        let handle = thread::Builder::new()
            .name("netns".into())
            .spawn_scoped(scope, task)
            .map_err(Error::kernel("start a thread"))?;
        handle
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Writes a setting of the calling thread's network namespace.
fn set(name: &str, value: &str) -> Result<(), Error> {
    let path = Path::new("/proc/sys").join(name);
    fs::write(&path, value).map_err(Error::io("write", &path))
}

/// Makes what is in the calling thread's namespace.
fn furnish() -> Result<(), Error> {
    set("net/ipv4/ip_forward", "1")?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::kernel("start a runtime"))?
        .block_on(async {
            let (connection, handle, _) =
                rtnetlink::new_connection().map_err(Error::kernel("open netlink"))?;
            let connection = tokio::spawn(connection);
            let outcome = links_and_routes(&handle).await;
            connection.abort();
            outcome
        })
}

async fn links_and_routes(handle: &Handle) -> Result<(), Error> {
    let netlink = |action: &str| {
        let action = action.to_owned();
        move |source| Error::Network {
            action,
            source: Box::new(source),
        }
    };
    up(handle, "lo").await.map_err(netlink("set lo up"))?;
    let bridge = LinkBridge::new(NODE_LINK).up().build();
    let add = handle.link().add(bridge).execute();
    add.await.map_err(netlink("add the node's bridge"))?;
    let index = index_of(handle, NODE_LINK)
        .await
        .map_err(netlink("find the node's bridge"))?;
    let address = handle.address().add(index, NODE_ADDRESS.into(), 32);
    address
        .execute()
        .await
        .map_err(netlink("add the node's address"))?;
    for (first, prefix) in [
        // Service addresses are rewritten after routing, so a process of the node needs a route for them.
        (SERVICE_RANGE, SERVICE_PREFIX),
        // The kernel answers for an address that it has a way to.
        (CALICO_GATEWAY, 32),
    ] {
        let way = RouteMessageBuilder::<Ipv4Addr>::new()
            .destination_prefix(first, prefix)
            .output_interface(index)
            .build();
        let add = handle.route().add(way).execute();
        add.await.map_err(netlink("add a route"))?;
    }
    // Whoever calls out is told at once, rather than left waiting.
    let nowhere = RouteMessageBuilder::<Ipv4Addr>::new()
        .kind(RouteType::Unreachable)
        .build();
    let add = handle.route().add(nowhere).execute();
    add.await.map_err(netlink("add the default route"))
}

async fn up(handle: &Handle, link: &str) -> Result<(), rtnetlink::Error> {
    let index = index_of(handle, link).await?;
    let change = LinkUnspec::new_with_index(index).up().build();
    handle.link().set(change).execute().await
}

async fn index_of(handle: &Handle, link: &str) -> Result<u32, rtnetlink::Error> {
    let mut links = handle.link().get().match_name(link.to_owned()).execute();
    let found = links.try_next().await?;
    found
        .map(|link| link.header.index)
        .ok_or(rtnetlink::Error::RequestFailed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder to work in; `None` for users who can't make namespaces.
    fn scratch() -> Option<tempfile::TempDir> {
        let root = nix::unistd::geteuid().is_root();
        root.then(|| tempfile::tempdir().unwrap())
    }

    #[test]
    fn a_namespace_has_no_name_before_it_is_furnished() {
        let Some(dir) = scratch() else { return };
        let path = dir.path().join("netns");
        let furnish = || {
            assert!(!path.exists());
            Err(Error::kernel("furnish")(std::io::Error::other("killed")))
        };
        create(&path, furnish).unwrap_err();
        assert!(!path.exists());
        ensure(&path).unwrap();
        assert!(exists(&path));
        let forward = || {
            let path = Path::new("/proc/sys/net/ipv4/ip_forward");
            fs::read_to_string(path).map_err(Error::io("read", path))
        };
        assert_eq!(within(&path, forward).unwrap().trim(), "1");
        remove(&path).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn r01_a_folder_bound_over_itself_as_ip_netns_does_keeps_no_mount() {
        let Some(dir) = scratch() else { return };
        let path = dir.path().join("netns");
        ensure(&path).unwrap();
        let none = None::<&str>;
        let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
        mount(Some(dir.path()), dir.path(), none, flags, none).unwrap();
        assert_eq!(mounts::under(dir.path()).unwrap().len(), 3);
        mounts::remove_under(dir.path()).unwrap();
        remove(&path).unwrap();
        assert!(!path.exists());
        assert_eq!(
            mounts::under(dir.path()).unwrap(),
            Vec::<std::path::PathBuf>::new()
        );
    }
}
