//! aznet-node's last message in each pod that isn't ready yet, read from the pods' logs as they are written.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{AsyncBufReadExt, TryStreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt, api::LogParams};
use tokio::task::{AbortHandle, JoinSet};

use crate::observe::pods::{Around, Message, Observed, Phase, describe};

/// Pods that are listened to at a time, each over a connection of its own. Of a large network's start more than what so
/// many pods wait for tells nobody anything.
const AT_ONCE: usize = 64;

/// Listeners, one for each run of each pod.
pub(super) struct Messages {
    api: Api<Pod>,
    lines: Arc<Mutex<HashMap<String, Message>>>,
    listeners: HashMap<String, Listener>,
    tasks: JoinSet<()>,
}

struct Listener {
    restarts: u32,
    handle: AbortHandle,
}

impl Messages {
    pub(super) fn new(api: Api<Pod>) -> Self {
        Self {
            api,
            lines: Arc::default(),
            listeners: HashMap::new(),
            tasks: JoinSet::new(),
        }
    }

    /// The last message by pod uid.
    pub(super) fn last(&self) -> HashMap<String, Message> {
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Begins to listen to pods whose main container has begun to run, and stops where it is ready.
    pub(super) fn listen(&mut self, pods: &[Arc<Pod>]) {
        while self.tasks.try_join_next().is_some() {}
        for pod in pods {
            let Some(uid) = pod.metadata.uid.clone() else {
                continue;
            };
            let Some(state) = describe(Observed {
                pod,
                around: &Around::default(),
                message: None,
            }) else {
                continue;
            };
            match state.phase {
                Phase::Starting { .. } => self.follow(uid, pod, state.restarts),
                Phase::Ready | Phase::Unready { .. } | Phase::Leaving => self.forget(&uid),
                _ => {}
            }
        }
    }

    fn follow(&mut self, uid: String, pod: &Pod, restarts: u32) {
        if self
            .listeners
            .get(&uid)
            .is_some_and(|listener| listener.restarts == restarts)
        {
            return;
        }
        self.forget(&uid);
        if self.listeners.len() >= AT_ONCE {
            return;
        }
        let (api, lines, name) = (self.api.clone(), self.lines.clone(), pod.name_any());
        let container = pod
            .spec
            .as_ref()
            .and_then(|spec| Some(spec.containers.first()?.name.clone()));
        let key = uid.clone();
        let handle = self.tasks.spawn(async move {
            if let Err(error) = read(&api, &name, container, &key, &lines).await {
                tracing::debug!(pod = name, %error, "log ended");
            }
        });
        self.listeners.insert(uid, Listener { restarts, handle });
    }

    fn forget(&mut self, uid: &str) {
        if let Some(listener) = self.listeners.remove(uid) {
            listener.handle.abort();
            self.lines
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(uid);
        }
    }
}

async fn read(
    api: &Api<Pod>,
    name: &str,
    container: Option<String>,
    uid: &str,
    lines: &Mutex<HashMap<String, Message>>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let params = LogParams {
        container,
        follow: true,
        timestamps: true,
        ..LogParams::default()
    };
    let mut log = api.log_stream(name, &params).await?.lines();
    while let Some(line) = log.try_next().await? {
        if let Some(message) = Message::heard(&line) {
            lines
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(uid.to_owned(), message);
        }
    }
    Ok(())
}
