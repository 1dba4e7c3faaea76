//! Helm: the only module that starts it.
//!
//! Values go in by standard input, so that a mnemonic is never in a file or a process list. Every call is bounded.

use aznet_kit::process::{ProcessError, Tool};
use aznet_kit::wait::{self, Deadline, Look, WaitError};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Longest time that a call may take: none waits for pods.
const DEADLINE: Duration = Duration::from_mins(3);

/// A release that has been pending for longer was left by someone who was killed: applying the chart takes seconds.
const AT_WORK: Duration = Duration::from_mins(1);

/// The oldest major version of Helm that applies charts on the server (`--server-side`).
const OLDEST_MAJOR: u64 = 4;

/// The Helm program and the cluster that it talks to.
#[derive(Debug, Clone)]
pub struct Helm {
    program: PathBuf,
    kubeconfig: Option<PathBuf>,
    context: Option<String>,
}

/// A chart with values, to be rendered or installed.
#[derive(Debug, Clone, Copy)]
pub struct Release<'a> {
    /// Name of the release.
    pub name: &'a str,
    /// Namespace, which must exist.
    pub namespace: &'a str,
    /// Folder of the chart.
    pub chart: &'a Path,
    /// Values laid over the chart's defaults, see [`aznet_model::values::Loaded::overlay`].
    pub overlay: &'a Map<String, Value>,
}

/// A release as `helm list` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ReleaseInfo {
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// Revision, from 1.
    pub revision: String,
    /// `deployed`, `failed`, `pending-install`, ….
    pub status: String,
    /// Chart and version, e.g. `aztec-network-0.1.0`.
    pub chart: String,
    /// When this revision was begun: `2026-01-31 12:00:00.5 +0000 UTC`.
    pub updated: String,
}

impl ReleaseInfo {
    /// Whether an install, upgrade or rollback of it has begun and has not ended.
    pub fn is_pending(&self) -> bool {
        self.status.starts_with("pending-")
    }

    /// Whether it was never deployed in full: Helm can't upgrade it, only make it anew.
    pub fn is_half_made(&self) -> bool {
        self.status == "pending-install" || (self.status == "failed" && self.revision == "1")
    }

    /// Whether the one who began it may still be at it.
    fn is_under_way(&self, now: Timestamp) -> bool {
        let begun: Vec<&str> = self.updated.split_whitespace().take(3).collect();
        let begun = Timestamp::strptime("%Y-%m-%d %H:%M:%S%.f %z", begun.join(" "));
        let age = begun.ok().map(|begun| now.duration_since(begun));
        let under_way = SignedDuration::try_from(AT_WORK).unwrap_or_default();
        self.is_pending() && age.is_some_and(|age| age < under_way)
    }
}

/// Why Helm did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum HelmError {
    /// The program could not be run.
    #[error("can't run helm")]
    Run(#[source] ProcessError),
    /// Helm refused.
    #[error("helm {action} failed: {stderr}")]
    Failed {
        /// What was asked, e.g. `install small`.
        action: String,
        /// What Helm said.
        stderr: String,
    },
    /// There is a release of this name already.
    #[error(
        "there is a release `{}` in the namespace {} already (revision {}, {}): choose another name, or upgrade it",
        .0.name, .0.namespace, .0.revision, .0.status
    )]
    NameTaken(ReleaseInfo),
    /// Someone else changes the release.
    #[error(transparent)]
    Busy(#[from] WaitError),
    /// Helm took too long.
    #[error("helm {action} timed out after {} s; check that the cluster's API server responds", after.as_secs())]
    TimedOut {
        /// What was asked.
        action: String,
        /// The limit.
        after: Duration,
    },
    /// The caller gave up.
    #[error("helm {action} was interrupted")]
    Cancelled {
        /// What was asked.
        action: String,
    },
    /// Helm's answer was not understood.
    #[error("could not parse the output of helm {action}")]
    Answer {
        /// What was asked.
        action: String,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// A failed install or upgrade could not be undone.
    #[error("{failure}; undoing it failed too: {undo}")]
    NotUndone {
        /// The first failure.
        failure: Box<Self>,
        /// The failure to undo it.
        undo: Box<Self>,
    },
}

impl HelmError {
    /// `true` where Helm could not reach the cluster at all.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Failed { stderr, .. } => stderr.contains("cluster unreachable"),
            Self::NotUndone { failure, .. } => failure.is_unreachable(),
            _ => false,
        }
    }

    fn of(error: ProcessError, action: String) -> Self {
        match error {
            ProcessError::Failed { stderr, .. } => Self::Failed {
                action,
                stderr: message(&stderr),
            },
            ProcessError::TimedOut { after, .. } => Self::TimedOut { action, after },
            ProcessError::Cancelled { .. } => Self::Cancelled { action },
            error => Self::Run(error),
        }
    }

    /// Whether there was a release of this name, which is not the caller's.
    fn is_taken(&self) -> bool {
        // The second is said where both began at the same moment.
        let words = ["name that is still in use", "release: already exists"];
        matches!(self, Self::Failed { stderr, .. } if words.iter().any(|word| stderr.contains(word)))
    }

    fn is_absent(&self) -> bool {
        matches!(self, Self::Failed { stderr, .. } if stderr.contains("release: not found"))
    }
}

impl Helm {
    /// Helm at this path, with the cluster that it finds by itself (`KUBECONFIG`, current context).
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            kubeconfig: None,
            context: None,
        }
    }

    /// The same with the cluster of this kubeconfig.
    #[must_use]
    pub fn kubeconfig(self, path: impl Into<PathBuf>) -> Self {
        Self {
            kubeconfig: Some(path.into()),
            ..self
        }
    }

    /// The same with this context of the kubeconfig.
    #[must_use]
    pub fn context(self, name: impl Into<String>) -> Self {
        Self {
            context: Some(name.into()),
            ..self
        }
    }

    /// Whether this program can do all that is asked of it here: Helm 3 knows no `--server-side`. One that does not
    /// answer can't.
    pub async fn suffices(&self, cancel: &CancellationToken) -> bool {
        let version = self.run(&["version", "--short"], None, cancel).await;
        version.is_ok_and(|version| major(&version).is_some_and(|major| major >= OLDEST_MAJOR))
    }

    /// The manifests of a release, as YAML; asks no cluster.
    ///
    /// # Errors
    /// [`HelmError`]; values that the schema or the chart's rules refuse are [`HelmError::Failed`].
    pub async fn render(
        &self,
        release: &Release<'_>,
        cancel: &CancellationToken,
    ) -> Result<String, HelmError> {
        self.with_values("template", release, &[], cancel).await
    }

    /// Checks a chart with values; the answer is Helm's report.
    ///
    /// # Errors
    /// [`HelmError`].
    pub async fn lint(
        &self,
        chart: &Path,
        overlay: &Map<String, Value>,
        cancel: &CancellationToken,
    ) -> Result<String, HelmError> {
        let chart = chart.display().to_string();
        let values = Value::Object(overlay.clone()).to_string();
        self.run(
            &["lint", &chart, "--strict", "--values", "-"],
            Some(&values),
            cancel,
        )
        .await
    }

    /// Installs a release and does not wait for its pods. When it fails or is cancelled, what was made is removed again.
    ///
    /// # Errors
    /// [`HelmError`]; [`HelmError::NameTaken`] where there is a release of this name, which stays as it is.
    pub async fn install(
        &self,
        release: &Release<'_>,
        cancel: &CancellationToken,
    ) -> Result<(), HelmError> {
        let (name, namespace) = (release.name, release.namespace);
        // Asked first: clean-up below must never meet a release that is not ours.
        if let Some(taken) = self.status(name, namespace, cancel).await? {
            return Err(HelmError::NameTaken(taken));
        }
        let args = ["--server-side=true"];
        let Err(failure) = self.with_values("install", release, &args, cancel).await else {
            return Ok(());
        };
        // Not the caller's token: clean-up must happen even when the caller has given up.
        let undo = CancellationToken::new();
        if failure.is_taken() {
            // Someone else was quicker, and theirs stays.
            let theirs = self.status(name, namespace, &undo).await?;
            return Err(theirs.map_or(failure, HelmError::NameTaken));
        }
        let undone = self.uninstall(name, namespace, &undo).await;
        Err(after_undoing(failure, undone))
    }

    /// Brings a release that an interrupted run left half-made to where it can be upgraded; `None` where there is none
    /// (any more) and it is to be installed. Waits for a run that may still be at it.
    ///
    /// # Errors
    /// [`HelmError`].
    pub async fn recover(
        &self,
        name: &str,
        namespace: &str,
        cancel: &CancellationToken,
    ) -> Result<Option<ReleaseInfo>, HelmError> {
        let what = format!("whoever changes release {name} to end");
        let deadline = Deadline::after(2 * AT_WORK);
        let found = wait::until(what, deadline, cancel, |_| async move {
            let found = self.status(name, namespace, cancel).await?;
            Ok::<_, HelmError>(match found {
                Some(info) if info.is_under_way(Timestamp::now()) => Look::Pending(info.status),
                found => Look::Done(found),
            })
        })
        .await?;
        match found {
            Some(info) if info.is_half_made() => {
                self.uninstall(name, namespace, cancel).await?;
                Ok(None)
            }
            Some(info) if info.is_pending() => {
                self.roll_back(name, namespace, None, cancel).await?;
                self.status(name, namespace, cancel).await
            }
            found => Ok(found),
        }
    }

    /// Rolls a release back to a revision, or to the one before.
    async fn roll_back(
        &self,
        name: &str,
        namespace: &str,
        revision: Option<&str>,
        cancel: &CancellationToken,
    ) -> Result<(), HelmError> {
        let mut args = vec!["rollback", name];
        args.extend(revision);
        args.extend(["--namespace", namespace, "--server-side=true"]);
        self.run(&args, None, cancel).await.map(drop)
    }

    /// Upgrades a release, or installs it where there is none, and does not wait for its pods. When an upgrade fails, it
    /// is rolled back to the revision before.
    ///
    /// # Errors
    /// [`HelmError`].
    pub async fn upgrade(
        &self,
        release: &Release<'_>,
        cancel: &CancellationToken,
    ) -> Result<(), HelmError> {
        let (name, namespace) = (release.name, release.namespace);
        let before = self.recover(name, namespace, cancel).await?;
        if before.is_none() {
            return self.install(release, cancel).await;
        }
        let args = ["--reset-values", "--server-side=true", "--force-conflicts"];
        let Err(failure) = self.with_values("upgrade", release, &args, cancel).await else {
            return Ok(());
        };
        let undo = CancellationToken::new();
        let undone = match (&before, self.status(name, namespace, &undo).await) {
            (Some(before), Ok(Some(now))) if now.revision != before.revision => {
                let revision = Some(before.revision.as_str());
                self.roll_back(name, namespace, revision, &undo).await
            }
            (_, status) => status.map(drop),
        };
        Err(after_undoing(failure, undone))
    }

    /// Removes a release and what it made; none is fine.
    ///
    /// # Errors
    /// [`HelmError`].
    pub async fn uninstall(
        &self,
        name: &str,
        namespace: &str,
        cancel: &CancellationToken,
    ) -> Result<(), HelmError> {
        let args = [
            "uninstall",
            name,
            "--namespace",
            namespace,
            "--ignore-not-found",
        ];
        self.run(&args, None, cancel).await.map(drop)
    }

    /// Releases in a namespace, in any state; `None`: in all namespaces.
    ///
    /// # Errors
    /// [`HelmError`].
    pub async fn list(
        &self,
        namespace: Option<&str>,
        cancel: &CancellationToken,
    ) -> Result<Vec<ReleaseInfo>, HelmError> {
        let place = namespace.map_or(vec!["--all-namespaces"], |namespace| {
            vec!["--namespace", namespace]
        });
        let args = [
            vec!["list", "--max", "100000", "--output", "json"],
            // Helm 3 leaves out those under way unless it is told.
            vec!["--deployed", "--failed", "--pending", "--uninstalling"],
            place,
        ]
        .concat();
        self.json(&args, cancel).await
    }

    /// A release; `None` where there is none of this name.
    ///
    /// # Errors
    /// [`HelmError`].
    pub async fn status(
        &self,
        name: &str,
        namespace: &str,
        cancel: &CancellationToken,
    ) -> Result<Option<ReleaseInfo>, HelmError> {
        let releases = self.list(Some(namespace), cancel).await?;
        Ok(releases.into_iter().find(|release| release.name == name))
    }

    /// The values that were laid over the chart's defaults; `None` where there is no such release.
    ///
    /// # Errors
    /// [`HelmError`].
    pub async fn values(
        &self,
        name: &str,
        namespace: &str,
        cancel: &CancellationToken,
    ) -> Result<Option<Map<String, Value>>, HelmError> {
        let args = [
            "get",
            "values",
            name,
            "--namespace",
            namespace,
            "--output",
            "json",
        ];
        // A release without values of its own answers `null`.
        match self.json::<Option<Map<String, Value>>>(&args, cancel).await {
            Ok(values) => Ok(Some(values.unwrap_or_default())),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What a release consists of, as Kubernetes objects in YAML; `None` where there is no such release.
    ///
    /// # Errors
    /// [`HelmError`].
    pub async fn manifest(
        &self,
        name: &str,
        namespace: &str,
        cancel: &CancellationToken,
    ) -> Result<Option<String>, HelmError> {
        let args = ["get", "manifest", name, "--namespace", namespace];
        match self.run(&args, None, cancel).await {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What a release would consist of after an upgrade, as [`Helm::manifest`] tells it; nothing is changed.
    ///
    /// # Errors
    /// [`HelmError`]; values that the schema or the chart's rules refuse are [`HelmError::Failed`].
    pub async fn upgraded_manifest(
        &self,
        release: &Release<'_>,
        cancel: &CancellationToken,
    ) -> Result<String, HelmError> {
        #[derive(Deserialize)]
        struct Answer {
            manifest: String,
        }
        // On the server: what the chart looks up there, such as Secrets that it made, must be found.
        let args = [
            "--reset-values",
            "--dry-run=server",
            "--output",
            "json",
            // What is refused is told together with everything else that the upgrade would do.
            "--set",
            "network.refuseFixedChanges=false",
        ];
        let answer = self.with_values("upgrade", release, &args, cancel).await?;
        serde_json::from_str::<Answer>(&answer)
            .map(|answer| answer.manifest)
            .map_err(|source| HelmError::Answer {
                action: format!("upgrade {} --dry-run", release.name),
                source,
            })
    }

    async fn with_values(
        &self,
        verb: &str,
        release: &Release<'_>,
        more: &[&str],
        cancel: &CancellationToken,
    ) -> Result<String, HelmError> {
        let chart = release.chart.display().to_string();
        let values = Value::Object(release.overlay.clone()).to_string();
        let mut args = vec![
            verb,
            release.name,
            &chart,
            "--namespace",
            release.namespace,
            "--values",
            "-",
        ];
        args.extend(more);
        self.run(&args, Some(&values), cancel).await
    }

    async fn json<T: serde::de::DeserializeOwned>(
        &self,
        args: &[&str],
        cancel: &CancellationToken,
    ) -> Result<T, HelmError> {
        let answer = self.run(args, None, cancel).await?;
        serde_json::from_str(&answer).map_err(|source| HelmError::Answer {
            action: action(args),
            source,
        })
    }

    async fn run(
        &self,
        args: &[&str],
        input: Option<&str>,
        cancel: &CancellationToken,
    ) -> Result<String, HelmError> {
        let mut tool = Tool::new(&self.program).args(args);
        if let Some(path) = &self.kubeconfig {
            tool = tool.arg("--kubeconfig").arg(path);
        }
        if let Some(context) = &self.context {
            tool = tool.arg("--kube-context").arg(context);
        }
        if let Some(input) = input {
            tool = tool.input(input);
        }
        let output = tool.output(DEADLINE, cancel).await;
        output.map_err(|error| HelmError::of(error, action(args)))
    }
}

/// What a call does, in words for errors: the verb and what it is done to.
fn action(args: &[&str]) -> String {
    args.iter()
        .take_while(|arg| !arg.starts_with('-'))
        .take(2)
        .copied()
        .collect::<Vec<_>>()
        .join(" ")
}

/// The major version in what `helm version --short` says: `v3.17.0+g301108e`.
fn major(version: &str) -> Option<u64> {
    let digits = version.trim().strip_prefix('v')?.split('.').next()?;
    digits.parse().ok()
}

/// What Helm said, without its prefix and its advice about flags.
fn message(stderr: &str) -> String {
    let lines = stderr
        .lines()
        .filter(|line| !line.starts_with("Use --debug flag"));
    let text = lines.collect::<Vec<_>>().join("\n");
    text.trim().trim_start_matches("Error: ").to_owned()
}

fn after_undoing(failure: HelmError, undone: Result<(), HelmError>) -> HelmError {
    match undone {
        Ok(()) => failure,
        // Where the cluster can't be reached nothing was made, and saying so twice helps nobody.
        Err(undo) if undo.is_unreachable() && failure.is_unreachable() => failure,
        Err(undo) => HelmError::NotUndone {
            failure: Box::new(failure),
            undo: Box::new(undo),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ended(script: &str, cancel: &CancellationToken) -> HelmError {
        let tool = Tool::new("sh").args(["-c", script]);
        let output = tool.output(Duration::from_millis(200), cancel).await;
        HelmError::of(output.expect_err("it fails"), "install small".to_owned())
    }

    #[tokio::test]
    async fn a_failure_carries_what_helm_said_and_what_it_was_asked() {
        let going_on = CancellationToken::new();
        let refused = ended("echo 'Error: no such chart' >&2; exit 1", &going_on).await;
        assert_eq!(
            refused.to_string(),
            "helm install small failed: no such chart"
        );
        let late = ended("exec sleep 60", &going_on).await;
        assert!(matches!(late, HelmError::TimedOut { .. }), "{late}");
        let given_up = CancellationToken::new();
        given_up.cancel();
        let cancelled = ended("exec sleep 60", &given_up).await;
        assert!(
            matches!(cancelled, HelmError::Cancelled { .. }),
            "{cancelled}"
        );
    }

    fn release(revision: &str, status: &str) -> ReleaseInfo {
        ReleaseInfo {
            name: "small".into(),
            namespace: "ns".into(),
            revision: revision.into(),
            status: status.into(),
            chart: "aztec-network-0.1.0".into(),
            updated: "2026-01-31 12:00:00.123456789 +0000 UTC".into(),
        }
    }

    #[test]
    fn who_was_killed_is_told_from_who_is_at_work() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let pending = release("1", "pending-install");
        assert!(pending.is_under_way(at("2026-01-31T12:00:30Z")));
        assert!(!pending.is_under_way(at("2026-01-31T12:02:00Z")));
        let deployed = release("1", "deployed");
        assert!(!deployed.is_under_way(at("2026-01-31T12:00:30Z")));
    }

    #[test]
    fn what_was_never_deployed_is_made_anew() {
        assert!(release("1", "pending-install").is_half_made());
        assert!(release("1", "failed").is_half_made());
        assert!(!release("2", "failed").is_half_made());
        assert!(!release("2", "pending-upgrade").is_half_made());
        assert!(!release("1", "deployed").is_half_made());
    }

    /// A program in Helm's place that answers `list` with this status and writes down how it is called.
    #[tokio::test]
    async fn r03_a_release_left_half_made_is_cleared_and_a_stopped_upgrade_rolled_back() {
        for (revision, status, expected) in [
            (
                "1",
                "pending-install",
                "uninstall small --namespace ns --ignore-not-found",
            ),
            (
                "3",
                "pending-upgrade",
                "rollback small --namespace ns --server-side=true",
            ),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let release = format!(
                r#"[{{"name":"small","namespace":"ns","revision":"{revision}","status":"{status}","chart":"c-1","updated":"2020-01-01 00:00:00 +0000 UTC"}}]"#
            );
            let script = format!(
                "#!/bin/sh\necho \"$@\" >> {0}/calls\n[ \"$1\" = list ] && echo '{release}'\nexit 0\n",
                dir.path().display()
            );
            let program = dir.path().join("helm");
            aznet_kit::files::write(&program, script, aznet_kit::files::Access::Program).unwrap();
            let helm = Helm::new(&program);
            let cancel = CancellationToken::new();
            helm.recover("small", "ns", &cancel)
                .await
                .expect("recovered");
            let calls = std::fs::read_to_string(dir.path().join("calls")).unwrap();
            assert_eq!(calls.lines().nth(1), Some(expected), "{status}");
        }
    }

    /// C02: `unknown flag: --server-side`.
    #[tokio::test]
    async fn c02_helm_3_and_what_is_no_helm_do_not_suffice() {
        let cancel = CancellationToken::new();
        for (answer, suffices) in [
            ("echo v4.0.1+g12500dd", true),
            ("echo v3.17.0+g301108e", false),
            ("echo none", false),
            ("exit 1", false),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let helm = dir.path().join("helm");
            let script = format!("#!/bin/sh\n{answer}\n");
            aznet_kit::files::write(&helm, script, aznet_kit::files::Access::Program).unwrap();
            assert_eq!(
                Helm::new(&helm).suffices(&cancel).await,
                suffices,
                "{answer}"
            );
        }
    }

    /// R04: of two installs at once the second failed, and its clean-up removed the first one's release.
    #[tokio::test]
    async fn an_install_that_came_second_leaves_the_first_alone() {
        let dir = tempfile::tempdir().unwrap();
        let there = r#"[{"name":"small","namespace":"ns","revision":"1","status":"pending-install","chart":"c-1","updated":"2020-01-01 00:00:00 +0000 UTC"}]"#;
        let script = format!(
            "#!/bin/sh\necho \"$1\" >> {0}/calls\ncase $1 in\n\
             list) [ -e {0}/begun ] && echo '{there}' || echo '[]';;\n\
             install) touch {0}/begun; echo 'Error: INSTALLATION FAILED: release: already exists' >&2; exit 1;;\nesac\n",
            dir.path().display()
        );
        let program = dir.path().join("helm");
        aznet_kit::files::write(&program, script, aznet_kit::files::Access::Program).unwrap();
        let release = Release {
            name: "small",
            namespace: "ns",
            chart: dir.path(),
            overlay: &Map::new(),
        };
        let refused = Helm::new(&program)
            .install(&release, &CancellationToken::new())
            .await
            .unwrap_err();
        assert!(matches!(refused, HelmError::NameTaken(_)), "{refused}");
        let calls = std::fs::read_to_string(dir.path().join("calls")).unwrap();
        assert_eq!(calls, "list\ninstall\nlist\n");
    }

    #[test]
    fn an_action_is_the_verb_and_its_object() {
        assert_eq!(action(&["list", "--output", "json"]), "list");
        assert_eq!(action(&["get", "values", "small"]), "get values");
    }
}
