//! Ports of pods on this machine's loopback, carried by the Kubernetes API. Every connection finds its pod anew, so
//! a forward outlives the pods behind it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use aznet_model::role::Role;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt, api::ListParams};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
    time::MissedTickBehavior,
};
use tokio_util::sync::CancellationToken;

use crate::{
    api::ApiError,
    namespace::Network,
    observe::pods::{COMPONENT, NETWORK_PODS},
};
use aznet_kit::wait::{self, Deadline, Look, WaitError};

/// How long a connection waits for a pod that is just restarting.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long it takes until connections are accepted again after a failure.
const ACCEPT_AGAIN: Duration = Duration::from_millis(500);

/// What is forwarded to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// This pod.
    Pod(String),
    /// Any ready pod of this role.
    Role(Role),
}

/// A connection that failed; the forward goes on.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// No pod to connect to.
    #[error(transparent)]
    NoPod(#[from] WaitError),
    /// The Kubernetes API didn't open the port.
    #[error("pod {pod} refuses connections on port {port}")]
    Open {
        /// The pod.
        pod: String,
        /// Its port.
        port: u16,
        /// Why.
        #[source]
        source: ApiError,
    },
    /// The connection broke.
    #[error("the connection to {pod}:{port} broke")]
    Broken {
        /// The pod.
        pod: String,
        /// Its port.
        port: u16,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Why nothing is forwarded.
#[derive(Debug, thiserror::Error)]
#[error("can't listen on 127.0.0.1:{port}; is the port in use?")]
pub struct ListenError {
    /// The port.
    pub port: u16,
    /// Why.
    #[source]
    pub source: std::io::Error,
}

/// Hears of connections that failed.
pub type OnFailure = Arc<dyn Fn(ConnectionError) + Send + Sync>;

/// A listener on loopback whose connections end in pods.
#[derive(Debug)]
pub struct Forward {
    local: SocketAddr,
    task: JoinHandle<()>,
}

impl Forward {
    /// Listens on 127.0.0.1:`local` (0: any free port) until `cancel`; connections go to `port` of `target`.
    ///
    /// # Errors
    /// [`ListenError`] if the port is taken. A connection that fails goes to `on_failure`.
    pub async fn open(
        network: &Network,
        target: Target,
        port: u16,
        local: u16,
        on_failure: OnFailure,
        cancel: CancellationToken,
    ) -> Result<Self, ListenError> {
        let taken = |source| ListenError {
            port: local,
            source,
        };
        let listener = TcpListener::bind(("127.0.0.1", local))
            .await
            .map_err(taken)?;
        let local = listener.local_addr().map_err(taken)?;
        let route = Arc::new(Route {
            pods: network.api(),
            target,
            port,
            cancel,
        });
        let task = tokio::spawn(async move { serve(listener, route, on_failure).await });
        Ok(Self { local, task })
    }

    /// Where it listens.
    pub const fn local(&self) -> SocketAddr {
        self.local
    }

    /// Its URL, for endpoints that speak HTTP.
    pub fn url(&self) -> String {
        format!("http://{}", self.local)
    }

    /// Waits until it has been cancelled and its connections are closed.
    pub async fn closed(self) {
        if let Err(error) = self.task.await {
            tracing::warn!(%error, "a port-forward ended badly");
        }
    }
}

struct Route {
    pods: Api<Pod>,
    target: Target,
    port: u16,
    cancel: CancellationToken,
}

async fn serve(listener: TcpListener, route: Arc<Route>, on_failure: OnFailure) {
    let mut connections = JoinSet::new();
    let mut again = tokio::time::interval(ACCEPT_AGAIN);
    again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = route.cancel.cancelled() => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                let stream = match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        // Out of open files, say: the same again at once, until a connection ends.
                        tracing::debug!(%error, "no connection accepted");
                        again.tick().await;
                        continue;
                    }
                };
                let (route, on_failure) = (route.clone(), on_failure.clone());
                connections.spawn(async move {
                    if let Err(error) = route.carry(stream).await {
                        on_failure(error);
                    }
                });
            }
        }
    }
}

impl Route {
    async fn carry(&self, mut near: TcpStream) -> Result<(), ConnectionError> {
        let pod = self.pod().await?;
        let mut forwarder = self
            .pods
            .portforward(&pod, &[self.port])
            .await
            .map_err(|source| ConnectionError::Open {
                pod: pod.clone(),
                port: self.port,
                source: source.into(),
            })?;
        let Some(mut far) = forwarder.take_stream(self.port) else {
            return Ok(());
        };
        let refused = forwarder.take_error(self.port);
        let copied = copy_bidirectional(&mut near, &mut far).await;
        drop(far);
        forwarder.abort();
        let broken = |source| ConnectionError::Broken {
            pod: pod.clone(),
            port: self.port,
            source,
        };
        copied.map_err(broken)?;
        match refused {
            Some(refused) => refused
                .await
                .map_or(Ok(()), |words| Err(broken(std::io::Error::other(words)))),
            None => Ok(()),
        }
    }

    /// The pod to connect to; waits a little for one that restarts.
    async fn pod(&self) -> Result<String, ConnectionError> {
        let what = format!("a ready pod for {}", self.target);
        wait::until(
            what,
            Deadline::after(PATIENCE),
            &self.cancel,
            |_| async move {
                Ok(match self.pods.list(&self.params()).await {
                    Ok(pods) => match pods.iter().find(|pod| is_ready(pod)) {
                        Some(pod) => Look::Done(pod.name_any()),
                        None => Look::Pending(format!("{} pods, none ready", pods.items.len())),
                    },
                    Err(error) => Look::Pending(ApiError::from(error).to_string()),
                })
            },
        )
        .await
    }

    fn params(&self) -> ListParams {
        let ours = ListParams::default();
        match &self.target {
            Target::Pod(name) => ours.fields(&format!("metadata.name={name}")),
            Target::Role(role) => ours.labels(&format!("{NETWORK_PODS},{COMPONENT}={role}")),
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pod(name) => f.write_str(name),
            Self::Role(role) => write!(f, "role {role}"),
        }
    }
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_deref())
        .unwrap_or_default();
    let ready = conditions
        .iter()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True");
    ready && pod.metadata.deletion_timestamp.is_none()
}
