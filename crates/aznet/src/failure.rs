//! What went wrong, in words, and the exit code that goes with it. The only place that knows which error of which
//! library means which exit code.

use std::path::PathBuf;

use aznet_network::plan::NotEnoughMemory;
use aznet_network::values::{Problem, ValuesError};

use crate::exit::Exit;

/// Failures that the command line itself finds.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// There is no network at all.
    #[error("no network is running{}", place(.cluster.as_deref()))]
    NoNetwork {
        /// Where was looked, if not everywhere.
        cluster: Option<String>,
    },
    /// No network has this name.
    #[error("no network `{name}` is running; there {}", listed(running))]
    UnknownNetwork {
        /// The name asked for.
        name: String,
        /// What is running.
        running: Vec<String>,
    },
    /// Several networks run and none was named.
    #[error("which network? there {}", listed(running))]
    WhichNetwork {
        /// What is running.
        running: Vec<String>,
    },
    /// Combinations of values that can't work.
    #[error("{}", lines(.0))]
    Impossible(Vec<Problem>),
    /// The chart, the networks and the images' sources are not to be found.
    #[error("no source tree of aznet: {} holds no `{}`", .looked.display(), crate::source::MARK)]
    NoSource {
        /// Where was looked last.
        looked: PathBuf,
    },
    /// The work was stopped by Ctrl-C.
    #[error("interrupted{}", .left.as_deref().map(|left| format!(": {left}")).unwrap_or_default())]
    Interrupted {
        /// What is left, in words.
        left: Option<String>,
        /// How to go on or to clean up.
        next: Option<String>,
    },
}

fn place(cluster: Option<&str>) -> String {
    cluster.map(|cluster| format!(" on {cluster}")).unwrap_or_default()
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "is none".to_owned(),
        [name] => format!("is `{name}`"),
        names => format!("are `{}`", names.join("`, `")),
    }
}

/// Why a run failed, as it is shown.
#[derive(Debug)]
pub struct Report {
    /// How the run ends.
    pub exit: Exit,
    /// What went wrong.
    pub message: String,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// What to do.
    pub hints: Vec<String>,
}

impl Report {
    /// Looks up what an error means. The innermost error that is known decides.
    pub fn of(error: &anyhow::Error) -> Self {
        let exit = error.chain().filter_map(exit_of).next_back().unwrap_or(Exit::Unexpected);
        let hints = error.chain().filter_map(hint_of).collect();
        let mut texts: Vec<String> = Vec::new();
        for cause in error.chain() {
            let text = cause.to_string();
            // `#[error(transparent)]` and wrapped errors would say the same thing twice.
            if texts.last().is_none_or(|last| *last != text) {
                texts.push(text);
            }
        }
        let message = texts.remove(0);
        Self { exit, message, causes: texts, hints }
    }
}

type Cause<'a> = &'a (dyn std::error::Error + 'static);

fn exit_of(cause: Cause<'_>) -> Option<Exit> {
    if let Some(failure) = cause.downcast_ref::<Failure>() {
        return Some(match failure {
            Failure::NoNetwork { .. } | Failure::UnknownNetwork { .. } | Failure::WhichNetwork { .. } => Exit::Usage,
            Failure::Impossible(_) => Exit::InvalidValues,
            Failure::NoSource { .. } => Exit::Usage,
            Failure::Interrupted { .. } => Exit::Interrupted,
        });
    }
    if cause.is::<ValuesError>() || cause.is::<NotEnoughMemory>() {
        return Some(Exit::InvalidValues);
    }
    None
}

fn hint_of(cause: Cause<'_>) -> Option<String> {
    match cause.downcast_ref::<Failure>()? {
        Failure::NoNetwork { .. } => Some("start one with `aznet up`".to_owned()),
        Failure::UnknownNetwork { name, running } => nearest(name, running).map(|near| format!("did you mean `{near}`?")),
        Failure::WhichNetwork { .. } => Some("name it, e.g. `aznet status NAME`".to_owned()),
        Failure::NoSource { .. } => Some("run it inside a checkout, or name one with AZNET_SOURCE".to_owned()),
        Failure::Interrupted { next, .. } => next.clone(),
        Failure::Impossible(_) => None,
    }
}

/// The name that is most like `name`, if one is like it at all.
fn nearest<'a>(name: &str, names: &'a [String]) -> Option<&'a String> {
    let scored = names.iter().map(|other| (strsim::jaro_winkler(name, other), other));
    scored.filter(|(score, _)| *score > 0.75).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}
