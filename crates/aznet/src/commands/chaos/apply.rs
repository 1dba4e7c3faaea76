//! `aznet chaos apply NETWORK [PRESET]`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use aznet_chaos::experiment::{self, Reporter, Run, Stage, Transition};
use aznet_chaos::load::{self, Request};
use clap::Args;

use crate::args::{ClusterArg, NamespaceArg, OutputArgs, assignment};
use crate::chaos_mesh;
use crate::clusters::{self, Meant};
use crate::context::Context;
use crate::steps::{Step, Steps};

const EXAMPLES: &str = "\
Examples:
  aznet chaos apply small boot-node-failure
  aznet chaos apply small -f faults.yaml     values of the chart aztec-chaos";

/// What files alone are called.
const UNNAMED: &str = "values";

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
    let steps = Steps::new(&context.printer);
    let ready = chaos_mesh::ready(context, &steps, &choice).await?;
    let clear = format!("`aznet chaos clear {}` lifts them now", args.name);
    context.interrupt.leaves(
        "the faults may still be there, and end by themselves when their time is over",
        clear,
    );
    let step = steps.begin("faults", "applying");
    let told = Told::new(context, &step);
    let run = Run {
        network: &network,
        helm: &ready.helm,
        chart: &chart,
        loaded: &loaded,
        name: args.preset.as_deref().unwrap_or(UNNAMED),
    };
    let done = experiment::run(&run, &told.reporter(), context.interrupt.token()).await;
    if told.is_clean(loaded.experiments.len()) {
        let next = format!("`aznet status {}` shows how the network does", args.name);
        context.interrupt.leaves("the faults are lifted", next);
    }
    done.inspect_err(|_| step.abandon())?;
    steps.end(&step, "seen to bite, healed, nothing of them left");
    context.printer.result(&told.all(), |all, _| render(all))
}

/// What was told so far.
#[derive(Clone)]
struct Told {
    all: Arc<Mutex<Vec<Transition>>>,
    context: Context,
    step: Step,
}

impl Told {
    fn new(context: &Context, step: &Step) -> Self {
        Self {
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

    /// Whether that many experiments were seen to be gone.
    fn is_clean(&self, experiments: usize) -> bool {
        let all = self.all();
        let clean = all.iter().filter(|one| one.stage == Stage::Clean);
        clean.count() == experiments
    }

    fn all(&self) -> Vec<Transition> {
        let all = self.all.lock();
        all.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What is going on after a stage.
fn doing(stage: Stage) -> &'static str {
    match stage {
        Stage::Requested => "waiting for Chaos Mesh to inject it",
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
