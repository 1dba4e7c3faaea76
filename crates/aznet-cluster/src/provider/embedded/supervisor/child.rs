//! One component: started, its output kept, started again when it ends.

use std::process::Stdio;
use std::time::{Duration, Instant};

use aznet_kit::error::chain;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::sync::watch;

use super::board::{Api, Board};
use super::log::{LastLine, Log};
use crate::provider::embedded::components::Component;
use crate::provider::embedded::error::Error;
use crate::provider::embedded::layout::Layout;
use crate::provider::embedded::spec::{Spec, search_path};

/// The longest pause before a component is started again.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A component that ran this long is taken to be fine again.
const SETTLED: Duration = Duration::from_secs(30);

/// What it takes to run one component.
pub(super) struct Run {
    pub(super) component: Component,
    pub(super) layout: Layout,
    pub(super) spec: Spec,
    pub(super) board: Board,
}

impl Run {
    /// Runs it for as long as the supervisor lives.
    pub(super) async fn forever(self, mut api: watch::Receiver<Api>) -> Result<(), Error> {
        let needed = needs(self.component);
        // An error means that the supervisor is ending.
        let _ = api.wait_for(|stage| *stage >= needed).await;
        let mut pause = Duration::ZERO;
        loop {
            let start = Instant::now();
            let reason = match self.once().await {
                Ok(reason) => reason,
                Err(error) => format!("could not be started: {}", chain(&error)),
            };
            self.board.ended(self.component, reason);
            pause = next_pause(pause, start.elapsed());
            tokio::time::sleep(pause).await;
        }
    }

    /// Runs it until it ends, and says how that was.
    async fn once(&self) -> Result<String, Error> {
        let (mut child, last) = self.start()?;
        self.board.started(self.component, child.id());
        let status = child
            .wait()
            .await
            .map_err(Error::kernel("wait for a child"))?;
        Ok(format!("{status}; {}", last.get()))
    }

    fn start(&self) -> Result<(Child, LastLine), Error> {
        let (program, args) = self.component.command(&self.layout, &self.spec)?;
        // First, so that nothing is started whose output has nowhere to go.
        let log = Log::open(&self.layout.log(self.component.program()))?;
        let (output, input) = std::io::pipe().map_err(Error::kernel("make a pipe"))?;
        let again = input.try_clone().map_err(Error::kernel("make a pipe"))?;
        let receiver = pipe::Receiver::from_owned_fd(output.into())
            .map_err(Error::kernel("read a child's output"))?;
        // The component must not outlive the supervisor, or the next one would meet it.
        let child = Command::new(self.spec.binaries.find("setpriv")?)
            .args(["--pdeathsig", "KILL", "--"])
            .arg(program)
            .args(args)
            .env_clear()
            .env("PATH", search_path(&self.spec.binaries))
            .envs(self.component.environment(&self.layout))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(input)
            .stderr(again)
            .kill_on_drop(true)
            .spawn()
            .map_err(Error::kernel(format!("start {}", self.component)))?;
        Ok((child, log.follow(receiver)))
    }
}

/// How far the API must be before a component is started: some give up, or wait ever longer, when it is not.
fn needs(component: Component) -> Api {
    match component {
        Component::Etcd | Component::ApiServer | Component::Containerd => Api::Silent,
        Component::Kubelet => Api::Answers,
        Component::ControllerManager
        | Component::Scheduler
        | Component::Proxy
        | Component::Felix => Api::Ready,
    }
}

/// Twice the last pause, from a fifth of a second; none to speak of after it ran well for a while.
fn next_pause(last: Duration, ran: Duration) -> Duration {
    const FIRST: Duration = Duration::from_millis(200);
    if ran >= SETTLED {
        FIRST
    } else {
        (last * 2).clamp(FIRST, LONGEST_PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_the_component_settles() {
        let short = Duration::from_secs(1);
        let mut pause = Duration::ZERO;
        let mut pauses = Vec::new();
        for _ in 0..7 {
            pause = next_pause(pause, short);
            pauses.push(pause.as_millis());
        }
        assert_eq!(pauses, [200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(next_pause(pause, SETTLED).as_millis(), 200);
    }

    #[tokio::test]
    async fn a_component_whose_log_cannot_be_opened_is_not_started() {
        use crate::paths::Paths;
        use aznet_kit::files::{self, Access};

        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(&Paths::new(dir.path(), dir.path(), dir.path()), "a");
        let started = dir.path().join("started");
        let script = format!("#!/bin/sh\n: > {}\n", started.display());
        files::write(&dir.path().join("etcd"), script, Access::Program).unwrap();
        files::make_dir(layout.run(), Access::Private).unwrap();
        // A folder is in the way of the log.
        files::make_dir(&layout.log("etcd"), Access::Private).unwrap();
        let spec = serde_json::json!({
            "name": "a", "port": 1, "created": "2026-01-02T03:04:05Z",
            "binaries": { "search": [dir.path(), "/usr/bin", "/bin"], "cni": "/" },
            "images": { "store": "/", "pause": "", "coredns": "", "base": "", "archives": [] },
        });
        let run = Run {
            component: Component::Etcd,
            board: Board::new(&layout, &[Component::Etcd]).unwrap(),
            spec: serde_json::from_value(spec).unwrap(),
            layout,
        };
        assert!(run.start().is_err());
        // Long enough for the script to run, had it been started.
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!started.exists());
    }
}
