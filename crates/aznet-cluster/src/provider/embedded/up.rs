//! Making a cluster, or bringing it back.

use std::ffi::OsString;
use std::fmt;
use std::fs::OpenOptions;
use std::process::Stdio;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use kube::api::Api;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use super::blame::{blame, not_up};
use super::cgroup::Cgroups;
use super::error::Error;
use super::layout::Layout;
use super::name::check_name;
use super::ready::{kubelet_since, readiness};
use super::soundness::Check;
use super::spec::{Binaries, Images, Spec};
use super::status::{self, ComponentStatus, Status};
use super::{calico, claim, config, down, host, images, netns, pki, root};
use crate::machine::process::Process;
use crate::parts::kubernetes;
use crate::paths::Paths;
use crate::progress::{Reporter, Task};
use crate::provider::cluster::Cluster;
use aznet_kit::files::{self, Access};
use aznet_kit::lock::Lock;
use aznet_kit::wait::{self, Deadline, Look};

/// What can be chosen about a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Its name: 1 to 20 of a-z, 0-9 and `-`.
    pub name: String,
    /// The command that calls [`super::supervise`]: a program and its arguments, to which the name is added.
    pub supervisor: Vec<OsString>,
    /// Enforce network policies. A cluster stays what it was made as.
    pub network_policy: bool,
}

impl Options {
    /// The usual: supervised by `cluster supervise NAME` of the running program.
    ///
    /// # Errors
    /// When the running program's own path is not known.
    pub fn new(name: impl Into<String>) -> Result<Self, Error> {
        let program = std::env::current_exe().map_err(Error::kernel("find this program"))?;
        Ok(Self {
            name: name.into(),
            supervisor: vec![program.into(), "cluster".into(), "supervise".into()],
            network_policy: false,
        })
    }
}

/// Makes the cluster, or brings it back, or finds that it runs: in every case its node is ready when this returns, and
/// it works when [`Started::checked`] returns.
///
/// Safe to interrupt at any time: what is there then is completed by the next `start`, or removed by `down`.
///
/// # Errors
/// When something it needs is missing, or the cluster does not come up in time; the error names the component and
/// shows the end of its log.
pub async fn start(
    paths: &Paths,
    binaries: &Binaries,
    images: &Images,
    options: &Options,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<Started, Error> {
    check_name(&options.name)?;
    check_root()?;
    binaries.check()?;
    let layout = Layout::new(paths, &options.name);
    let lock = claim::claim(&layout, cancel).await?;
    let mut work = Work {
        paths,
        layout: &layout,
        options,
        task: Task::new(report, format!("cluster {}", options.name)),
        cancel,
        child: None,
    };
    let spec = work.supervised(binaries, images).await?;
    work.api_answers().await?;
    let cluster = Cluster::embedded(&options.name, layout.kubeconfig());
    let client = cluster.client().await?;
    work.images_are_there(&spec).await?;
    if spec.network_policy {
        calico::initialise(&client, cancel).await?;
    }
    work.node_is_ready(&client).await?;
    let task = work.task;
    let check = Check::begin(layout, spec, client).await?;
    Ok(Started {
        cluster,
        task,
        check,
        _lock: lock,
    })
}

/// A cluster whose node is ready. What it must do for networks can be checked while the first one starts.
pub struct Started {
    cluster: Cluster,
    task: Task,
    check: Check,
    _lock: Lock,
}

impl fmt::Debug for Started {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Started")
            .field("cluster", &self.cluster)
            .finish_non_exhaustive()
    }
}

impl Started {
    /// How to reach it.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Checks DNS, services, pods, volumes and policies, once per supervisor.
    ///
    /// # Errors
    /// [`Error::Unsound`] with what does not work.
    pub async fn checked(self, cancel: &CancellationToken) -> Result<Cluster, Error> {
        self.check.run(&self.task, cancel).await?;
        self.task.done("ready");
        Ok(self.cluster)
    }
}

/// [`start`] and [`Started::checked`].
///
/// # Errors
/// Those of both.
pub async fn up(
    paths: &Paths,
    binaries: &Binaries,
    images: &Images,
    options: &Options,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<Cluster, Error> {
    let started = start(paths, binaries, images, options, report, cancel).await?;
    started.checked(cancel).await
}

fn check_root() -> Result<(), Error> {
    let uid = nix::unistd::geteuid();
    if uid.is_root() {
        Ok(())
    } else {
        Err(Error::NotRoot { uid: uid.as_raw() })
    }
}

/// Restarts before the API is ready after which we give up.
const HOPELESS: u32 = 5;

/// One `up` under way.
struct Work<'a> {
    paths: &'a Paths,
    layout: &'a Layout,
    options: &'a Options,
    task: Task,
    cancel: &'a CancellationToken,
    /// The supervisor, if this one started it.
    child: Option<Child>,
}

impl Work<'_> {
    /// Sees to it that a supervisor runs, of the wanted programs.
    async fn supervised(&mut self, binaries: &Binaries, images: &Images) -> Result<Spec, Error> {
        let old = Spec::load(self.layout)?;
        if let Some(old) = &old {
            old.stays_of(kubernetes::line(&binaries.kubernetes))?;
        }
        let network_policy = old
            .as_ref()
            .map_or(self.options.network_policy, |old| old.network_policy);
        if self.options.network_policy && !network_policy {
            return Err(Error::NoPolicy {
                name: self.options.name.clone(),
            });
        }
        if network_policy {
            binaries.check_policy()?;
        }
        let spec = Spec {
            name: self.options.name.clone(),
            port: old.as_ref().map_or(0, |old| old.port),
            run: Some(self.layout.run().to_owned()),
            created: old.as_ref().map_or_else(Timestamp::now, |old| old.created),
            binaries: binaries.clone(),
            images: images.clone(),
            network_policy,
        };
        let runs = status::supervisor(self.layout)?.is_some();
        let same = old.as_ref().is_some_and(|old| {
            old.binaries == spec.binaries && old.images.pause == spec.images.pause
        });
        if runs && same {
            self.task.say("it runs, checking it");
            spec.save(self.layout)?;
            return Ok(spec);
        }
        self.task.say(match (old.is_some(), runs) {
            (false, _) => "making it",
            (true, false) => "bringing it back",
            (true, true) => "starting it again with other programs",
        });
        self.prepare(&spec).await?;
        self.child = Some(self.spawn()?);
        Ok(spec)
    }

    /// Everything the supervisor relies on; each step leaves alone what is there.
    async fn prepare(&self, spec: &Spec) -> Result<(), Error> {
        let layout = self.layout;
        for dir in [layout.state(), layout.run()] {
            files::make_dir(dir, Access::Private)?;
        }
        let cgroups = Cgroups::at(layout.cgroup())?;
        // A supervisor that was killed may have left components, which end with it only almost at once.
        down::end_all(layout, &cgroups, "system").await?;
        for file in [layout.supervisor(), layout.status()] {
            files::remove_if_there(&file)?;
        }
        for dir in [layout.etcd(), layout.kubelet(), layout.pod_logs()] {
            files::make_dir(&dir, Access::Private)?;
        }
        files::make_dir(&layout.volumes(), Access::Shared)?;
        spec.save(layout)?;
        pki::ensure(layout)?;
        config::write_all(layout, spec)?;
        cgroups.create()?;
        // After the cgroups: they keep the end of another cluster from being taken for that of the last one.
        host::remember(self.cancel).await?;
        netns::ensure(layout.netns())?;
        self.task.say("cloning the image store");
        root::ensure(layout, &spec.images, self.cancel).await
    }

    fn spawn(&self) -> Result<Child, Error> {
        let log = self.layout.log("supervisor");
        let open = || OpenOptions::new().create(true).append(true).open(&log);
        let (program, args) =
            self.options
                .supervisor
                .split_first()
                .ok_or_else(|| Error::ProgramMissing {
                    program: "supervisor".into(),
                    searched: "the options given".into(),
                })?;
        self.task.say("starting its processes");
        let child = Command::new(program)
            .args(args)
            .arg(self.layout.name())
            .env("AZNET_CACHE", self.paths.cache())
            .env("AZNET_STATE", self.paths.state())
            .env("AZNET_RUN", self.paths.run())
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(open().map_err(Error::io("open", &log))?)
            .stderr(open().map_err(Error::io("open", &log))?)
            .spawn()
            .map_err(Error::kernel(format!("start {}", program.display())))?;
        // It will do so itself. But should this `up` be interrupted first, the next one must know of it.
        let process = child.id().and_then(|pid| Process::of(pid.try_into().ok()?));
        if let Some(process) = process {
            files::write_json(&self.layout.supervisor(), &process, Access::Private)?;
        }
        Ok(child)
    }

    async fn api_answers(&mut self) -> Result<(), Error> {
        let cancel = self.cancel;
        let deadline = Deadline::seconds(90).every(std::time::Duration::from_millis(50));
        let look = |_| std::future::ready(self.api_seen());
        let outcome = wait::until("the API to answer", deadline, cancel, look).await;
        outcome.map_err(|error| blame(self.layout, error))
    }

    fn api_seen(&mut self) -> Result<Look<()>, Error> {
        self.supervisor_lives()?;
        let Some(status) = Status::load(self.layout)? else {
            return Ok(Look::Pending("the supervisor is starting".into()));
        };
        if status.api_since.is_some() {
            return Ok(Look::Done(()));
        }
        let hopeless = |component: &&ComponentStatus| component.restarts >= HOPELESS;
        if let Some(component) = status.components.iter().find(hopeless) {
            let problem = format!("{} ended {} times", component.name, component.restarts);
            return Err(not_up(self.layout, component.name.clone(), problem));
        }
        Ok(Look::Pending(match status.suspect() {
            Some(component) => match &component.last_end {
                Some(end) => format!(
                    "{} ended {} times: {end}",
                    component.name, component.restarts
                ),
                None => format!("{} is to be started", component.name),
            },
            None => "all components run".into(),
        }))
    }

    /// Fails if the supervisor started here has ended.
    fn supervisor_lives(&mut self) -> Result<(), Error> {
        let ended = self
            .child
            .as_mut()
            .and_then(|child| child.try_wait().ok().flatten());
        match ended {
            None => Ok(()),
            Some(status) => Err(Error::SupervisorDied {
                name: self.layout.name().to_owned(),
                status: status.to_string(),
                log: files::tail(&self.layout.log("supervisor"), 10),
            }),
        }
    }

    async fn images_are_there(&self, spec: &Spec) -> Result<(), Error> {
        let each =
            |archive: &super::Archive| self.task.say(&format!("importing {}", archive.image));
        images::import_missing(self.layout, &spec.binaries, &spec.images, self.cancel, each)
            .await
            .map_err(|error| blame(self.layout, error))
    }

    async fn node_is_ready(&self, client: &kube::Client) -> Result<(), Error> {
        let nodes: Api<Node> = Api::all(client.clone());
        let name = self.layout.node();
        let look = |_| async {
            let kubelet = Status::load(self.layout)?.and_then(|status| kubelet_since(&status));
            // Errors pass: the API server may be starting again.
            Ok(match nodes.get_opt(&name).await {
                Ok(Some(node)) => readiness(&node, kubelet),
                Ok(None) => Look::Pending("it has not registered".into()),
                Err(error) => Look::Pending(error.to_string()),
            })
        };
        let outcome = wait::until(
            "the node to be Ready",
            Deadline::seconds(90),
            self.cancel,
            look,
        );
        outcome.await.map_err(|error| blame(self.layout, error))?;
        self.task.say("its node is Ready");
        Ok(())
    }
}
