//! Whose turn it is to make or change a network: a Lease, so that it holds for every machine that reaches the cluster.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aznet_kit::wait::{self, Deadline, Look};
use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, PostParams, Preconditions},
};
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    error::{NamespaceError, TurnError, failed},
    scope::Scope,
};

/// A holder that has not renewed its Lease for so long has been killed. Clocks of two machines are never compared:
/// whoever waits measures by its own how long the Lease has stayed as it is.
const LASTS: Duration = Duration::from_secs(15);
const RENEWED_EVERY: Duration = Duration::from_secs(4);
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Who wants to be at which network.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// Name of the network.
    pub network: &'a str,
    /// How the cluster is called in messages.
    pub cluster: &'a str,
    /// Where the network is looked for and made.
    pub scope: &'a Scope,
    /// How others are told who is at it.
    pub who: &'a str,
}

/// How long one waits for a turn that another has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// So long at most.
    Lasts(Duration),
    /// Until it is seen whether the other has been killed: one that renews its turn is not waited for.
    UntilSeenAlive,
}

impl Patience {
    fn within(self) -> Duration {
        match self {
            Self::Lasts(within) => within,
            // One of both is seen by then.
            Self::UntilSeenAlive => 2 * LASTS,
        }
    }
}

/// The turn at a network, until it is given back. If it is dropped, or its holder killed, it runs out by itself.
#[derive(Debug)]
pub struct Turn {
    api: Api<Lease>,
    renewal: JoinHandle<Option<Lease>>,
    end: DropGuard,
}

impl Turn {
    /// Takes the turn; where another has it, waits for it. `on_wait` is told who that is, at every look.
    ///
    /// # Errors
    /// [`TurnError`]; when patience is over it names the holder.
    pub async fn take(
        client: Client,
        claim: Claim<'_>,
        patience: Patience,
        cancel: &CancellationToken,
        on_wait: impl Fn(&str),
    ) -> Result<Self, TurnError> {
        let api: Api<Lease> = Api::namespaced(client, claim.scope.leases());
        let watched = Mutex::new(Watched::default());
        let what = format!("its turn at network {}", claim.network);
        let deadline = Deadline::after(patience.within()).every(LOOK_EVERY);
        let (lease, last) = (claim.lease(), &watched);
        let (api, on_wait) = (&api, &on_wait);
        let taken = wait::until(what, deadline, cancel, |_| {
            let lease = lease.clone();
            async move {
                let found = attempt(api, lease, last).await;
                let holder = match found.map_err(|source| claim.failed(source))? {
                    Ok(lease) => return Ok(Look::Done(lease)),
                    Err(holder) => holder,
                };
                if patience == Patience::UntilSeenAlive && Watched::of(last).renewed {
                    let network = claim.network.to_owned();
                    return Err(TurnError::Held { network, holder });
                }
                on_wait(&holder);
                Ok(Look::Pending(format!("{holder} is at it")))
            }
        });
        Ok(Self::hold(api.clone(), taken.await?))
    }

    fn hold(api: Api<Lease>, lease: Lease) -> Self {
        let end = CancellationToken::new();
        Self {
            renewal: tokio::spawn(renew(api.clone(), lease, end.clone())),
            api,
            end: end.drop_guard(),
        }
    }

    /// Gives the turn back: whoever waits has it at once. One that can't be given back runs out.
    pub async fn give_back(self) {
        drop(self.end);
        let Ok(Some(lease)) = self.renewal.await else {
            return;
        };
        // Only what is still ours.
        let ours = DeleteParams::default().preconditions(Preconditions {
            uid: lease.uid(),
            resource_version: lease.resource_version(),
        });
        if let Err(error) = self.api.delete(&lease.name_any(), &ours).await {
            tracing::debug!(%error, "the turn runs out by itself");
        }
    }
}

impl Claim<'_> {
    fn lease(&self) -> Lease {
        let now = MicroTime(Timestamp::now());
        Lease {
            metadata: ObjectMeta {
                name: Some(format!("aznet-{}", self.network)),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(self.who.to_owned()),
                lease_duration_seconds: i32::try_from(LASTS.as_secs()).ok(),
                acquire_time: Some(now.clone()),
                renew_time: Some(now),
                ..LeaseSpec::default()
            }),
        }
    }

    fn failed(&self, source: kube::Error) -> NamespaceError {
        let namespace = self.scope.leases();
        let doing = format!(
            "take the turn at network {} in namespace {namespace}",
            self.network
        );
        failed(&doing, self.cluster, source)
    }
}

/// Another's Lease, and since when it has stayed as it is.
#[derive(Default)]
struct Watched {
    holding: Option<String>,
    version: Option<String>,
    since: Option<Instant>,
    /// Whether its holder has renewed it meanwhile.
    renewed: bool,
}

impl Watched {
    fn of(last: &Mutex<Self>) -> MutexGuard<'_, Self> {
        last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether its holder has let it run out.
    fn has_run_out(&mut self, lease: &Lease) -> bool {
        let version = lease.resource_version();
        match self.since {
            Some(since) if self.version == version => since.elapsed() >= LASTS,
            _ => {
                // Of a Lease that was made anew: another may have come, who is seen alive only if it renews it.
                let holding = lease.uid();
                self.renewed = self.since.is_some() && self.holding == holding;
                self.holding = holding;
                self.version = version;
                self.since = Some(Instant::now());
                false
            }
        }
    }
}

/// Takes the Lease if it is free or has run out; else who holds it.
async fn attempt(
    api: &Api<Lease>,
    mut lease: Lease,
    watched: &Mutex<Watched>,
) -> Result<Result<Lease, String>, kube::Error> {
    match api.create(&PostParams::default(), &lease).await {
        Err(kube::Error::Api(status)) if status.code == 409 => {}
        created => return created.map(Ok),
    }
    let name = lease.name_any();
    let Some(theirs) = api.get_opt(&name).await? else {
        return Ok(Err("nobody any more".to_owned()));
    };
    let holder = theirs.spec.as_ref();
    let holder = holder.and_then(|spec| spec.holder_identity.clone());
    let holder = holder.unwrap_or_else(|| "someone".to_owned());
    if !Watched::of(watched).has_run_out(&theirs) {
        return Ok(Err(holder));
    }
    // Fails if it has been renewed, or taken by another who waits.
    lease.metadata.resource_version = theirs.resource_version();
    match api.replace(&name, &PostParams::default(), &lease).await {
        Err(kube::Error::Api(status)) if [404, 409].contains(&status.code) => Ok(Err(holder)),
        taken => taken.map(Ok),
    }
}

/// Renews the Lease until it is told to end; the Lease as it is then, or nothing if it is another's by now.
async fn renew(api: Api<Lease>, mut lease: Lease, end: CancellationToken) -> Option<Lease> {
    let start = Instant::now() + RENEWED_EVERY;
    let mut ticks = tokio::time::interval_at(start, RENEWED_EVERY);
    loop {
        tokio::select! {
            biased;
            () = end.cancelled() => return Some(lease),
            _ = ticks.tick() => {}
        }
        if let Some(spec) = &mut lease.spec {
            spec.renew_time = Some(MicroTime(Timestamp::now()));
        }
        let (name, as_new) = (lease.name_any(), PostParams::default());
        let renewed = api.replace(&name, &as_new, &lease);
        match tokio::time::timeout(RENEWED_EVERY, renewed).await {
            Ok(Ok(renewed)) => lease = renewed,
            Ok(Err(kube::Error::Api(status))) if [404, 409].contains(&status.code) => {
                tracing::warn!(lease = name, "the turn was lost to another");
                return None;
            }
            // The next one may get through.
            Ok(Err(error)) => tracing::debug!(%error, "the turn is not renewed"),
            Err(_) => tracing::debug!("the turn is not renewed in time"),
        }
    }
}

#[cfg(test)]
mod tests;
