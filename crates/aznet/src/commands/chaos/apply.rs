//! `aznet chaos apply NETWORK [PRESET]`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use aznet_chaos::experiment::{self, Decided, Reporter, Run, Stage, Transition};
use aznet_chaos::load::{self, Request};
use aznet_model::chaos::{Experiment, Loaded, Pods};
use clap::Args;
use jiff::Timestamp;

use super::record::Record;
use crate::args::{ClusterArg, NamespaceArg, OutputArgs, assignment};
use crate::bring_up::cluster;
use crate::chaos_mesh;
use crate::clusters::{self, Meant};
use crate::context::Context;
use crate::steps::{Step, Steps};

const EXAMPLES: &str = "\
Examples:
  aznet chaos apply small boot-node-failure
  aznet chaos apply small -f faults.yaml     values of the chart aztec-chaos
  aznet chaos apply small no-quorum --record again.yaml
  aznet chaos apply small -f again.yaml      the same pods, as late in an epoch";

/// What files alone are called.
const UNNAMED: &str = "values";

/// What an interruption leaves.
const LEFT: &str = "the faults may still be there, and end by themselves when their time is over";

/// Arguments of `aznet chaos apply`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ApplyArgs {
    /// Name of the network.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// A preset of the chart aztec-chaos.
    #[arg(value_name = "PRESET")]
    pub preset: Option<String>,
    /// A values file on top of it; may be given several times, the last one wins.
    #[arg(short = 'f', long = "values", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// A single value on top of that; may be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = assignment)]
    pub set: Vec<String>,
    /// What chance chooses pods by, to choose the same ones again.
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// Write what was done to a values file: the pods by name, the time as a place in an epoch.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Where the network is.
    #[command(flatten)]
    pub cluster: ClusterArg,
    /// In which namespace.
    #[command(flatten)]
    pub namespace: NamespaceArg,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

pub(super) async fn run(args: &ApplyArgs, context: &Context) -> anyhow::Result<()> {
    let chart = context.source.charts().join("aztec-chaos");
    let loaded = load::load(&Request {
        chart: &chart,
        preset: args.preset.as_deref(),
        inline: &[],
        files: &args.files,
        sets: &args.set,
    })?;
    let networks = clusters::networks(
        context,
        args.cluster.cluster.as_ref(),
        Meant::One(Some(&args.name)),
    )
    .await?;
    let (choice, network) = networks.open(Some(&args.name))?;
    let record = args.record.as_deref().map(Record::begin).transpose()?;
    let steps = Steps::new(&context.printer);
    let ready = if needs_mesh(&loaded) {
        chaos_mesh::ready(context, &steps, &choice).await?
    } else {
        cluster::attach(context, &choice).await?
    };
    let clear = format!("`aznet chaos clear {}` lifts them now", args.name);
    context.interrupt.leaves(LEFT, clear);
    let seed = args.seed.unwrap_or_else(drawn);
    if args.seed.is_none() && loaded.experiments.values().any(by_chance) {
        let words = format_args!("pods are chosen by chance: --seed {seed} chooses the same again");
        context.printer.note(words);
    }
    let step = steps.begin("faults", "applying");
    let told = Told::new(context, &step);
    let run = Run {
        network: &network,
        helm: &ready.helm,
        chart: &chart,
        loaded: &loaded,
        name: args.preset.as_deref().unwrap_or(UNNAMED),
        seed,
        decided: &|decided| told.decided(decided),
    };
    let done = experiment::course(&run, &told.reporter(), context.interrupt.token()).await;
    if let Some(record) = record {
        record.write(&loaded, &told.what_was_decided(), &told.all())?;
    }
    if told.is_clean() {
        let next = format!("`aznet status {}` shows how the network does", args.name);
        context.interrupt.leaves("the faults are lifted", next);
    }
    done.inspect_err(|_| step.abandon())?;
    steps.end(&step, "seen to bite, healed, nothing of them left");
    context.printer.result(&told.all(), |all, _| render(all))
}

fn needs_mesh(loaded: &Loaded) -> bool {
    let mut each = loaded.experiments.values();
    each.any(|one| one.fault().is_some_and(|fault| fault.kind().is_some()))
}

fn by_chance(experiment: &Experiment) -> bool {
    let chosen =
        |pods: &Pods| pods.count.is_some() || pods.percent.is_some() || pods.committee.is_some();
    chosen(&experiment.pods) || experiment.target().is_some_and(chosen)
}

/// Another number each time.
fn drawn() -> u64 {
    u64::try_from(Timestamp::now().as_microsecond()).unwrap_or_default()
}

/// What was told so far.
#[derive(Clone)]
struct Told {
    decided: Arc<Mutex<Vec<Decided>>>,
    all: Arc<Mutex<Vec<Transition>>>,
    context: Context,
    step: Step,
}

impl Told {
    fn new(context: &Context, step: &Step) -> Self {
        Self {
            decided: Arc::default(),
            all: Arc::default(),
            context: context.clone(),
            step: step.clone(),
        }
    }

    fn reporter(&self) -> Reporter {
        let this = self.clone();
        Arc::new(move |transition| {
            this.step.say(doing(transition.stage));
            this.context.printer.note(transition);
            let mut all = this.all.lock().unwrap_or_else(PoisonError::into_inner);
            all.push(transition.clone());
        })
    }

    /// Whether each experiment that was begun was seen to be gone.
    fn is_clean(&self) -> bool {
        let all = self.all();
        let count = |stage| all.iter().filter(|one| one.stage == stage).count();
        !all.is_empty() && count(Stage::Requested) == count(Stage::Clean)
    }

    fn decided(&self, decided: &Decided) {
        let mut all = self.decided.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(decided.clone());
    }

    fn what_was_decided(&self) -> Vec<Decided> {
        let decided = self.decided.lock();
        decided.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn all(&self) -> Vec<Transition> {
        let all = self.all.lock();
        all.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What is going on after a stage.
fn doing(stage: Stage) -> &'static str {
    match stage {
        Stage::Requested => "waiting for it to be injected",
        Stage::Injected => "looking whether it bites",
        Stage::Biting => "waiting until it is over and healed",
        Stage::Healed => "looking for what is left",
        Stage::Clean => "done",
    }
}

fn render(all: &[Transition]) -> String {
    let lines = all.iter().map(|one| {
        let at = one.at.strftime("%H:%M:%S");
        format!("{at} {one}\n")
    });
    lines.collect()
}
