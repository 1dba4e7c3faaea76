//! Which component keeps a cluster from coming up.

use super::error::Error;
use super::layout::Layout;
use super::status::Status;
use aznet_kit::files;
use aznet_kit::wait::WaitError;

/// Names the component that most likely kept the cluster from coming up.
pub(super) fn blame(layout: &Layout, error: Error) -> Error {
    let Error::Wait(timeout @ WaitError::TimedOut { .. }) = error else {
        return error;
    };
    let status = Status::load(layout).ok().flatten().unwrap_or_default();
    let component = match status.suspect() {
        Some(component) => component.name.clone(),
        None if status.api_since.is_none() => "kube-apiserver".into(),
        None => "kubelet".into(),
    };
    not_up(layout, component, timeout.to_string())
}

/// The cluster is not up because of this component.
pub(super) fn not_up(layout: &Layout, component: String, problem: String) -> Error {
    let log = layout.log(&component);
    Error::NotUp {
        name: layout.name().to_owned(),
        problem,
        component,
        tail: files::tail(&log, 10),
        log,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aznet_kit::files::Access;
    use jiff::Timestamp;

    use super::*;
    use crate::paths::Paths;
    use crate::provider::embedded::status::ComponentStatus;

    fn late() -> Error {
        Error::Wait(WaitError::TimedOut {
            what: "the node to be ready".to_owned(),
            waited: Duration::from_mins(1),
            last: "it has no network".to_owned(),
        })
    }

    /// Whom a wait that timed out is blamed on, and what is said of it.
    fn blamed(status: Option<&Status>) -> (String, String) {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::new(dir.path(), dir.path(), dir.path());
        let layout = Layout::new(&paths, "a");
        if let Some(status) = status {
            files::make_dir(layout.status().parent().unwrap(), Access::Private).unwrap();
            files::write_json(&layout.status(), status, Access::Private).unwrap();
        }
        match blame(&layout, late()) {
            Error::NotUp {
                component, problem, ..
            } => (component, problem),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn a_late_cluster_is_blamed_on_what_it_got_stuck_at() {
        let (component, problem) = blamed(None);
        assert_eq!(component, "kube-apiserver");
        assert!(problem.contains("it has no network"), "{problem}");
        let mut status = Status {
            api_since: Some(Timestamp::UNIX_EPOCH),
            components: Vec::new(),
        };
        assert_eq!(blamed(Some(&status)).0, "kubelet");
        status.components.push(ComponentStatus {
            name: "containerd".to_owned(),
            pid: None,
            since: Timestamp::UNIX_EPOCH,
            restarts: 3,
            last_end: Some("exit status: 1".to_owned()),
        });
        assert_eq!(blamed(Some(&status)).0, "containerd");
    }

    #[test]
    fn what_is_no_timeout_is_nobodys_fault() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::new(dir.path(), dir.path(), dir.path());
        let interrupted = Error::Wait(WaitError::Cancelled {
            what: "the node to be ready".to_owned(),
            waited: Duration::from_secs(3),
            last: "it has no network".to_owned(),
        });
        let told = blame(&Layout::new(&paths, "a"), interrupted);
        assert!(
            matches!(told, Error::Wait(WaitError::Cancelled { .. })),
            "{told}"
        );
    }
}
