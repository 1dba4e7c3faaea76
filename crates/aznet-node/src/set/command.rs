//! `aznet-node validators`: what this pod signs for, the validator set, and the way out of it. Run in a pod, by `aznet`
//! or the chart's Job, so that keys stay where they are.

use std::collections::BTreeMap;
use std::io::Write;

use alloy_primitives::Address;
use aznet_model::config::NetworkConfig;
use aznet_model::pod::PodName;
use aznet_model::report::{Left, Outcome, Report, ValidatorSet};
use clap::{Args, Subcommand};

use crate::error::NodeError;
use crate::facts;
use crate::holdings::Holdings;
use crate::l1::L1;
use crate::l1_secret;
use crate::leave::Leaving;
use crate::membership;
use crate::say::say;
use crate::set::Reader;
use crate::settings::Settings;
use crate::wait::{Deadline, Pause};
use crate::wallet::Wallet;

/// What to do; every command ends with a report, one JSON document on the last line.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Command {
    /// The accounts that this pod signs for
    Held,
    /// The validator set on L1 as well
    Show {
        /// Another pod whose attesters are described too, running or not; may be repeated
        #[arg(long = "pod")]
        pods: Vec<String>,
    },
    /// Take attesters of this pod out of the validator set
    Leave {
        /// Which; all by default
        #[arg(long = "attester")]
        attesters: Vec<Address>,
    },
    /// Take all attesters of pods that are to go out of the validator set, and wait until no committee has them
    Retire(Retire),
}

impl Command {
    /// Whether it is what a container is for.
    pub(crate) fn is_job(&self) -> bool {
        matches!(self, Self::Retire(_))
    }
}

/// Which pods are to go.
#[derive(Debug, Clone, Args)]
pub(crate) struct Retire {
    /// A pod that is to go, e.g. `validator-4`; may be repeated
    #[arg(long = "pod", required = true)]
    pods: Vec<String>,
    /// The file with the private key of the withdrawer, where that is not the attester itself
    #[arg(long, env = "AZNET_WITHDRAWER_FILE")]
    withdrawer: Option<std::path::PathBuf>,
}

/// Runs a command.
pub(crate) fn run(command: &Command, settings: &Settings) -> Result<(), NodeError> {
    let mut config = facts::read_config(&settings.config)?;
    l1_secret::apply(&mut config, &settings.l1_secret)?;
    let deadline = Deadline::after(settings.wait_deadline);
    if let Command::Retire(retire) = command {
        return Desk::open(&config, settings, deadline)?.retire(retire);
    }
    let own = Holdings::own(&config, settings, deadline)?;
    let mut report = Report {
        held: own.held(),
        set: None,
        others: BTreeMap::new(),
        left: Vec::new(),
    };
    match command {
        Command::Held | Command::Retire(_) => {}
        Command::Show { pods } => {
            let desk = Desk::open(&config, settings, deadline)?;
            report.others = others(pods, &config, settings);
            let mut ours = report.held.attesters.clone();
            ours.extend(report.others.values().flatten());
            report.set = Some(desk.reader().read(&ours)?);
        }
        Command::Leave { attesters } => {
            let desk = Desk::open(&config, settings, deadline)?;
            let leaving = chosen(attesters, &own)?;
            report.left = desk.leave(&leaving, &wallets(&own))?;
            report.set = Some(desk.reader().read(&report.held.attesters)?);
        }
    }
    print(&report);
    Ok(())
}

/// A pod with a key store of its own knows nobody else's keys.
fn others(
    pods: &[String],
    config: &NetworkConfig,
    settings: &Settings,
) -> BTreeMap<String, Vec<Address>> {
    let attesters = |pod: &String| {
        let holdings = Holdings::of(&PodName::or_first(pod), config, settings).ok()?;
        Some((pod.clone(), holdings.held().attesters))
    };
    pods.iter().filter_map(attesters).collect()
}

fn chosen(wanted: &[Address], own: &Holdings) -> Result<Vec<Address>, NodeError> {
    let all = own.held().attesters;
    if wanted.is_empty() {
        return Ok(all);
    }
    match wanted.iter().find(|wanted| !all.contains(wanted)) {
        Some(stranger) => Err(NodeError::NotHeld(*stranger)),
        None => Ok(wanted.to_vec()),
    }
}

fn wallets(holdings: &Holdings) -> Vec<Wallet> {
    let accounts = holdings.attesters.iter().chain(&holdings.publishers);
    accounts
        .filter_map(|account| Wallet::of(account, holdings.signer.as_deref()))
        .collect()
}

fn print(report: &Report) {
    let line = serde_json::to_string(report).unwrap_or_default();
    // Nobody is left to be told of a closed stdout.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// A network whose validator set is worked on.
struct Desk<'a> {
    config: &'a NetworkConfig,
    settings: &'a Settings,
    deadline: Deadline,
    l1: L1,
    rollup: Address,
}

impl<'a> Desk<'a> {
    fn open(
        config: &'a NetworkConfig,
        settings: &'a Settings,
        deadline: Deadline,
    ) -> Result<Self, NodeError> {
        let l1 = L1::wait(&config.l1, deadline)?;
        let rollup = membership::rollup(config, settings, &l1, deadline)?;
        Ok(Self {
            config,
            settings,
            deadline,
            l1,
            rollup,
        })
    }

    fn reader(&self) -> Reader<'_> {
        Reader {
            l1: &self.l1,
            rollup: self.rollup,
            anvil: self.config.l1.anvil,
        }
    }

    fn leave(&self, attesters: &[Address], wallets: &[Wallet]) -> Result<Vec<Left>, NodeError> {
        let leaving = Leaving {
            l1: &self.l1,
            chain_id: self.config.l1.chain_id,
            anvil: self.config.l1.anvil,
            wallets,
            deadline: self.deadline,
        };
        Ok(leaving.leave(&self.reader(), attesters)?)
    }

    fn retire(&self, retire: &Retire) -> Result<(), NodeError> {
        let mut attesters = Vec::new();
        let mut wallets: Vec<Wallet> = Self::withdrawer(retire)?.into_iter().collect();
        for pod in retire.pods.iter().map(|name| PodName::or_first(name)) {
            let holdings = Holdings::of(&pod, self.config, self.settings)?;
            say(format_args!("{pod} is to go: {:?}", holdings.attesters));
            wallets.extend(self::wallets(&holdings));
            attesters.extend(holdings.held().attesters);
        }
        let left = self.leave(&attesters, &wallets)?;
        if let Some(stuck) = left.iter().find_map(|one| match one.outcome {
            Outcome::NeedsWithdrawer { withdrawer } => Some((one.attester, withdrawer)),
            _ => None,
        }) {
            let (attester, withdrawer) = stuck;
            let rollup = self.rollup;
            return Err(NodeError::NeedsWithdrawer {
                attester,
                withdrawer,
                rollup,
            });
        }
        self.until_out(&attesters)
    }

    fn withdrawer(retire: &Retire) -> Result<Option<Wallet>, NodeError> {
        let Some(path) = &retire.withdrawer else {
            return Ok(None);
        };
        let text = crate::files::read_if_there(path)?.unwrap_or_default();
        let key = text.trim().parse::<alloy_signer_local::PrivateKeySigner>();
        // The parser's words could quote the key.
        let key = key.map_err(|_| NodeError::WithdrawerKey(path.clone()))?;
        Ok(Some(Wallet::Key(key)))
    }

    /// Waits until no committee has one of them; where that is later than the deadline, says so at once.
    fn until_out(&self, attesters: &[Address]) -> Result<(), NodeError> {
        let set = self.reader().read(attesters)?;
        let out = attesters.iter().map(|one| set.out_from(*one)).max();
        let out = out.unwrap_or_default().max(set.epoch());
        let ends = set.start_of(out);
        let left = ends.saturating_sub(set.l1_time);
        say(format_args!(
            "they are in no committee from epoch {out} on, which begins in {left} s; their stake is locked for {} s",
            set.exit_delay
        ));
        if left > self.deadline.left().as_secs() {
            return Err(NodeError::StillDrawn {
                epoch: out,
                seconds: left,
            });
        }
        let what = format!("epoch {out}, from which on no committee has them");
        self.deadline.until(&what, || self.reached(&set, ends))?;
        Ok(())
    }

    fn reached(&self, set: &ValidatorSet, time: u64) -> Result<(), Pause> {
        let block = self.l1.block("latest").map_err(Pause::not_yet)?;
        let now = block.timestamp.to::<u64>();
        if now >= time {
            return Ok(());
        }
        let epoch = now.saturating_sub(set.genesis) / set.epoch_seconds();
        Err(Pause::NotYet(format!(
            "epoch {epoch}, {} s to go",
            time - now
        )))
    }
}
