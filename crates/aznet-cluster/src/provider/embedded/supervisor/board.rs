//! The supervisor's record of its components, written through to `status.json`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;
use tracing::{info, warn};

use crate::provider::client;
use crate::provider::embedded::components::Component;
use crate::provider::embedded::error::Error;
use crate::provider::embedded::layout::Layout;
use crate::provider::embedded::status::{ComponentStatus, Status};
use aznet_kit::files::{self, Access};

/// Shared by all tasks of the supervisor.
#[derive(Clone)]
pub(super) struct Board {
    layout: Layout,
    status: Arc<Mutex<Status>>,
}

impl Board {
    pub(super) fn new(layout: &Layout, components: &[Component]) -> Result<Self, Error> {
        let now = Timestamp::now();
        let components = components.iter().map(|component| ComponentStatus {
            name: component.to_string(),
            pid: None,
            since: now,
            restarts: 0,
            last_end: None,
        });
        let status = Status {
            api_since: None,
            components: components.collect(),
        };
        files::write_json(&layout.status(), &status, Access::Private)?;
        Ok(Self {
            layout: layout.clone(),
            status: Arc::new(Mutex::new(status)),
        })
    }

    pub(super) fn started(&self, component: Component, pid: Option<u32>) {
        info!(%component, pid, "started");
        self.change(component, |entry| {
            entry.pid = pid.and_then(|pid| i32::try_from(pid).ok());
        });
    }

    pub(super) fn ended(&self, component: Component, reason: String) {
        warn!(%component, reason, "ended");
        self.change(component, |entry| {
            entry.pid = None;
            entry.restarts += 1;
            entry.last_end = Some(reason);
        });
    }

    fn change(&self, component: Component, change: impl FnOnce(&mut ComponentStatus)) {
        self.update(|status| {
            let name = component.program();
            if let Some(entry) = status
                .components
                .iter_mut()
                .find(|entry| entry.name == name)
            {
                entry.since = Timestamp::now();
                change(entry);
            }
        });
    }

    fn update(&self, change: impl FnOnce(&mut Status)) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut status);
        if let Err(error) = files::write_json(&self.layout.status(), &*status, Access::Private) {
            warn!(%error, "the status can't be written");
        }
    }
}

/// How far the API is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Api {
    /// Nobody listens.
    Silent,
    /// It answers, be it that it is not ready.
    Answers,
    /// It is ready.
    Ready,
}

/// Tells the tasks that wait for the API how far it is, until it is ready for the first time.
pub(super) async fn watch_api(
    layout: Layout,
    board: Board,
    stage: watch::Sender<Api>,
) -> Result<(), Error> {
    let client = client(&layout)?;
    let mut looks = tokio::time::interval(Duration::from_millis(50));
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while *stage.borrow() < Api::Ready {
        looks.tick().await;
        let seen = look(&client).await;
        stage.send_if_modified(|stage| std::mem::replace(stage, seen) != seen);
    }
    info!("the API is ready");
    board.update(|status| status.api_since = Some(Timestamp::now()));
    // Kept to the end: the waiting tasks would take its end for the supervisor's.
    stage.closed().await;
    Ok(())
}

async fn look(client: &kube::Client) -> Api {
    let Ok(request) = http::Request::get("/readyz").body(Vec::new()) else {
        return Api::Silent;
    };
    // Refusals are what is to be expected here, not worth a line each.
    let answer = client.request_text(request);
    match answer.with_subscriber(NoSubscriber::default()).await {
        Ok(_) => Api::Ready,
        Err(kube::Error::Api(_)) => Api::Answers,
        Err(_) => Api::Silent,
    }
}

/// A client of the API inside the namespace.
pub(super) fn client(layout: &Layout) -> Result<kube::Client, Error> {
    let kubeconfig = layout.config("controller-manager.kubeconfig");
    Ok(client::direct(&layout.node(), &kubeconfig)?)
}
