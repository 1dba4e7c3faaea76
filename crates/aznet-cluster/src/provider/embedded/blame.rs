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
