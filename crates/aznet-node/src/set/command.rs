//! `aznet-node validators`: what this pod signs for, the validator set, and the way out of it. Run in a pod, by `aznet`
//! or the chart's Job, so that keys stay where they are.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use alloy_primitives::Address;
use aznet_kit::files::{self, FileError};
use aznet_kit::wait::{Look, WaitError};
use aznet_model::config::NetworkConfig;
use aznet_model::pod::PodName;
use aznet_model::report::{Left, Outcome, Report, ValidatorSet};
use clap::{Args, Subcommand};
use thiserror::Error;

use crate::config::{self, ConfigError};
use crate::console::say;
use crate::keys::holdings::{Holdings, HoldingsError};
use crate::keys::wallet::Wallet;
use crate::l1::secret::{self, SecretError};
use crate::l1::{L1, L1Error};
use crate::network::rollup::{self, RollupError};
use crate::set::leave::{LeaveError, Leaving};
use crate::set::reader::Reader;
use crate::settings::Settings;
use crate::wait::TimeLimit;

/// Why a command has no report.
#[derive(Debug, Error)]
pub(crate) enum ValidatorsError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The Secret with the L1's URLs.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The L1.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// The rollup.
    #[error(transparent)]
    Rollup(#[from] RollupError),
    /// The pod's keys.
    #[error(transparent)]
    Holdings(#[from] HoldingsError),
    /// Attesters leaving.
    #[error(transparent)]
    Leave(#[from] LeaveError),
    /// What was awaited did not come.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// Not an attester of this pod.
    #[error("attester {0} is not one of this pod's")]
    NotHeld(Address),
    /// Only someone else can take an attester out.
    #[error(
        "attester {attester} can leave only with a signature of its withdrawer {withdrawer}, whose key this pod does not have: call initiateWithdraw({attester}, <recipient>) of the rollup {rollup} with it, or set validatorSet.withdrawerSecret; then repeat the command"
    )]
    NeedsWithdrawer {
        /// The attester.
        attester: Address,
        /// Its withdrawer.
        withdrawer: Address,
        /// The rollup.
        rollup: Address,
    },
    /// The withdrawer's key is none.
    #[error("{} is not a private key (64 hexadecimal digits)", .0.display())]
    WithdrawerKey(PathBuf),
    /// Waiting would take longer than allowed.
    #[error(
        "the validators left the set but stay in committees until epoch {epoch} begins in {seconds} s, beyond this command's deadline; keep their pods running and repeat the command then"
    )]
    StillDrawn {
        /// The first epoch without them.
        epoch: u64,
        /// Seconds until then.
        seconds: u64,
    },
}

impl ValidatorsError {
    /// Whether no restart of the pod can mend it.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Config(error) => error.is_final(),
            Self::L1(error) => error.is_final(),
            Self::Rollup(error) => error.is_final(),
            Self::Holdings(error) => error.is_final(),
            Self::Secret(_)
            | Self::NotHeld(_)
            | Self::NeedsWithdrawer { .. }
            | Self::WithdrawerKey(_) => true,
            Self::File(_) | Self::Leave(_) | Self::Wait(_) | Self::StillDrawn { .. } => false,
        }
    }
}

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
    withdrawer: Option<PathBuf>,
}

/// Runs a command.
pub(crate) fn run(command: &Command, settings: &Settings) -> Result<(), ValidatorsError> {
    let mut config = config::read(&settings.config)?;
    secret::apply(&mut config, &settings.l1_secret)?;
    let limit = TimeLimit::after(settings.wait_deadline);
    if let Command::Retire(retire) = command {
        return OpenSet::open(&config, settings, limit)?.retire(retire);
    }
    let own = Holdings::own(&config, settings, limit)?;
    let mut report = Report {
        held: own.held(),
        set: None,
        others: BTreeMap::new(),
        left: Vec::new(),
    };
    match command {
        Command::Held | Command::Retire(_) => {}
        Command::Show { pods } => {
            let open = OpenSet::open(&config, settings, limit)?;
            report.others = others(pods, &config, settings);
            let mut ours = report.held.attesters.clone();
            ours.extend(report.others.values().flatten());
            report.set = Some(open.reader().read(&ours)?);
        }
        Command::Leave { attesters } => {
            let open = OpenSet::open(&config, settings, limit)?;
            let leaving = chosen(attesters, &own)?;
            report.left = open.leave(&leaving, &wallets(&own))?;
            report.set = Some(open.reader().read(&report.held.attesters)?);
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

fn chosen(wanted: &[Address], own: &Holdings) -> Result<Vec<Address>, ValidatorsError> {
    let all = own.held().attesters;
    if wanted.is_empty() {
        return Ok(all);
    }
    match wanted.iter().find(|wanted| !all.contains(wanted)) {
        Some(stranger) => Err(ValidatorsError::NotHeld(*stranger)),
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
struct OpenSet<'a> {
    config: &'a NetworkConfig,
    settings: &'a Settings,
    limit: TimeLimit,
    l1: L1,
    rollup: Address,
}

impl<'a> OpenSet<'a> {
    fn open(
        config: &'a NetworkConfig,
        settings: &'a Settings,
        limit: TimeLimit,
    ) -> Result<Self, ValidatorsError> {
        let l1 = L1::wait(&config.l1, limit)?;
        let rollup = rollup::find(config, settings, &l1, limit)?;
        Ok(Self {
            config,
            settings,
            limit,
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

    fn leave(
        &self,
        attesters: &[Address],
        wallets: &[Wallet],
    ) -> Result<Vec<Left>, ValidatorsError> {
        let leaving = Leaving {
            l1: &self.l1,
            chain_id: self.config.l1.chain_id,
            anvil: self.config.l1.anvil,
            wallets,
            limit: self.limit,
        };
        Ok(leaving.leave(&self.reader(), attesters)?)
    }

    fn retire(&self, retire: &Retire) -> Result<(), ValidatorsError> {
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
            return Err(ValidatorsError::NeedsWithdrawer {
                attester,
                withdrawer,
                rollup,
            });
        }
        self.until_out(&attesters)
    }

    fn withdrawer(retire: &Retire) -> Result<Option<Wallet>, ValidatorsError> {
        let Some(path) = &retire.withdrawer else {
            return Ok(None);
        };
        let text = files::read_text_if_there(path)?.unwrap_or_default();
        let key = text.trim().parse::<alloy_signer_local::PrivateKeySigner>();
        // The parser's words could quote the key.
        let key = key.map_err(|_| ValidatorsError::WithdrawerKey(path.clone()))?;
        Ok(Some(Wallet::Key(key)))
    }

    /// Waits until no committee has one of them; where that is later than the deadline, says so at once.
    fn until_out(&self, attesters: &[Address]) -> Result<(), ValidatorsError> {
        let set = self.reader().read(attesters)?;
        let out = attesters.iter().map(|one| set.out_from(*one)).max();
        let out = out.unwrap_or_default().max(set.epoch());
        let ends = set.start_of(out);
        let left = ends.saturating_sub(set.l1_time);
        say(format_args!(
            "they are in no committee from epoch {out} on, which begins in {left} s; their stake is locked for {} s",
            set.exit_delay
        ));
        if left > self.limit.left().as_secs() {
            return Err(ValidatorsError::StillDrawn {
                epoch: out,
                seconds: left,
            });
        }
        let what = format!("epoch {out}, from which on no committee has them");
        self.limit
            .until(&what, || Ok(Look::or_pending(self.reached(&set, ends))))
    }

    fn reached(&self, set: &ValidatorSet, time: u64) -> Result<Look<()>, L1Error> {
        let now = self.l1.block("latest")?.timestamp.to::<u64>();
        if now >= time {
            return Ok(Look::Done(()));
        }
        let epoch = now.saturating_sub(set.genesis) / set.epoch_seconds();
        let left = time - now;
        Ok(Look::Pending(format!("epoch {epoch}, {left} s to go")))
    }
}
