//! What the supervisor knows of its components, as it keeps it in `status.json` for everybody else.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::layout::Layout;
use crate::machine::process::Process;
use aznet_kit::files;

/// How the components of a cluster do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Status {
    /// Since when the API answers; `None` before it did so for the first time under this supervisor.
    pub(crate) api_since: Option<Timestamp>,
    /// In the order they are started.
    pub(crate) components: Vec<ComponentStatus>,
}

/// How one component does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentStatus {
    /// Its program's name.
    pub name: String,
    /// Its process id; `None` while it does not run.
    pub pid: Option<i32>,
    /// Since when it runs, or does not.
    pub since: Timestamp,
    /// How often it ended by itself and was started again.
    pub restarts: u32,
    /// Why it ended the last time: its exit status and its last line.
    pub last_end: Option<String>,
}

impl Status {
    /// The supervisor's last word, `None` if there is none.
    pub(crate) fn load(layout: &Layout) -> Result<Option<Self>, Error> {
        // Half a status can't be: files are replaced as a whole. One of another version is as good as none.
        let text = files::read_if_there(&layout.status())?;
        Ok(text.and_then(|text| serde_json::from_slice(&text).ok()))
    }

    /// The component that most likely keeps the cluster from working: the first that does not run or was restarted.
    pub(crate) fn suspect(&self) -> Option<&ComponentStatus> {
        let troubled = |component: &&ComponentStatus| component.last_end.is_some();
        let down = |component: &&ComponentStatus| component.pid.is_none();
        let mut components = self.components.iter();
        components
            .clone()
            .find(|component| down(component) && troubled(component))
            .or_else(|| components.clone().find(troubled))
            .or_else(|| components.find(down))
    }
}

/// The process that supervises the cluster now.
pub(crate) fn supervisor(layout: &Layout) -> Result<Option<Process>, Error> {
    let text = files::read_if_there(&layout.supervisor())?;
    let process: Option<Process> = text.and_then(|text| serde_json::from_slice(&text).ok());
    Ok(process.filter(Process::is_alive))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(name: &str, pid: Option<i32>, last_end: Option<&str>) -> ComponentStatus {
        ComponentStatus {
            name: name.into(),
            pid,
            since: Timestamp::UNIX_EPOCH,
            restarts: 0,
            last_end: last_end.map(str::to_owned),
        }
    }

    #[test]
    fn the_suspect_is_what_fell_before_what_never_started() {
        let suspect = |components: Vec<ComponentStatus>| {
            let status = Status {
                api_since: None,
                components,
            };
            status.suspect().map(|component| component.name.clone())
        };
        let fine = component("etcd", Some(1), None);
        let waiting = component("kubelet", None, None);
        let restarted = component("containerd", Some(3), Some("exit status: 1"));
        let fallen = component("kube-apiserver", None, Some("exit status: 1"));
        assert_eq!(suspect(vec![fine.clone()]), None);
        assert_eq!(
            suspect(vec![fine.clone(), waiting.clone()]).unwrap(),
            "kubelet"
        );
        assert_eq!(
            suspect(vec![waiting.clone(), restarted.clone()]).unwrap(),
            "containerd"
        );
        assert_eq!(
            suspect(vec![waiting, restarted, fallen]).unwrap(),
            "kube-apiserver"
        );
    }
}
