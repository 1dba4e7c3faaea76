//! aznet-node's last message in each pod that isn't ready yet, read from the pods' logs as they are written.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{AsyncBufReadExt, TryStreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt, api::LogParams};
use tokio::task::{AbortHandle, JoinSet};

use crate::observe::pods::{Observed, Phase, describe};

/// How aznet-node marks its lines.
const PREFIX: &str = "aznet-node: ";

/// Listeners, one for each run of each pod.
pub(super) struct Messages {
    api: Api<Pod>,
    lines: Arc<Mutex<HashMap<String, String>>>,
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
    pub(super) fn last(&self) -> HashMap<String, String> {
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
                events: &[],
                claims: &[],
                message: None,
            }) else {
                continue;
            };
            match state.phase {
                Phase::Starting { .. } => self.follow(uid, pod, state.restarts),
                Phase::Ready | Phase::Leaving => self.forget(&uid),
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

/// A message without the time it has waited: the line is renewed every 30 s, and its seconds would stand still.
fn lasting(words: &str) -> String {
    let untimed = || {
        let (what, rest) = words.strip_prefix("waiting for ")?.split_once("s): ")?;
        let (what, seconds) = what.rsplit_once(" (")?;
        let number = seconds.bytes().all(|digit| digit.is_ascii_digit());
        number.then(|| format!("waiting for {what}: {rest}"))
    };
    untimed().unwrap_or_else(|| words.to_owned())
}

async fn read(
    api: &Api<Pod>,
    name: &str,
    container: Option<String>,
    uid: &str,
    lines: &Mutex<HashMap<String, String>>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let params = LogParams {
        container,
        follow: true,
        ..LogParams::default()
    };
    let mut log = api.log_stream(name, &params).await?.lines();
    while let Some(line) = log.try_next().await? {
        if let Some(words) = line.strip_prefix(PREFIX) {
            lines
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(uid.to_owned(), lasting(words.trim()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::lasting;

    #[test]
    fn a_message_that_is_shown_for_long_has_no_seconds() {
        assert_eq!(
            lasting("waiting for the prover broker (0s): connection refused"),
            "waiting for the prover broker: connection refused"
        );
        for other in ["starting (3 of 4)", "waiting for x (b): y", ""] {
            assert_eq!(lasting(other), other);
        }
    }
}
