//! `aznet doctor [--fix]`.

use aznet_chaos::capability;
use aznet_cluster::machine::finding::{Finding, Verdict};
use aznet_cluster::machine::programs::Work;
use aznet_cluster::machine::{doctor, install};
use aznet_cluster::parts::images;
use aznet_cluster::provider::{Provider, kind};
use clap::Args;
use owo_colors::OwoColorize;

use crate::args::OutputArgs;
use crate::clusters;
use crate::context::Context;
use crate::exit::Exit;
use crate::page::Page;
use crate::steps::{Steps, reporter};
use crate::table::{Cell, Column, Table, bad, doubtful, good};

const EXAMPLES: &str = "\
Examples:
  aznet doctor
  sudo aznet doctor --fix            install what is missing (Debian, Ubuntu)
  aznet doctor --cluster embedded    which faults the nodes of a cluster can do
  aznet doctor --cluster kind        what kind needs of the machine

Exit code 20 when something is missing that the cluster can't do without.";

/// Arguments of `aznet doctor`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DoctorArgs {
    /// Install what is missing.
    #[arg(long)]
    pub fix: bool,
    /// Look at the nodes of this cluster instead: which faults they can do; for one of kind, also at Docker or Podman.
    // Not from the environment: without it the machine is meant.
    #[arg(long, value_name = "CLUSTER", conflicts_with = "fix")]
    pub cluster: Option<Provider>,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Looks at the machine; exit code 20 if it can't run clusters.
pub async fn run(args: &DoctorArgs, context: &Context) -> anyhow::Result<Exit> {
    let cancel = context.interrupt.token();
    if let Some(cluster) = &args.cluster {
        return of_cluster(cluster, context).await;
    }
    if args.fix {
        fix(context).await?;
    }
    let findings = doctor::check(&context.paths, work(context), cancel).await;
    context
        .printer
        .result(&findings, |findings, page| render(findings, page))?;
    let well = findings.iter().all(Finding::ok);
    Ok(if well { Exit::Ok } else { Exit::Cluster })
}

/// What the nodes of a cluster can do; of one of kind, first what this machine has for it.
async fn of_cluster(cluster: &Provider, context: &Context) -> anyhow::Result<Exit> {
    let mut findings = Vec::new();
    let mut there = true;
    if let Provider::Kind(_) = cluster {
        findings = kind::check(context.interrupt.token()).await;
        there = !cluster.is_gone(&context.paths)?;
    }
    let well = findings.iter().all(Finding::ok);
    if there && well {
        let client = clusters::connect(context, cluster).await?.client;
        findings.extend(faults(&capability::probe(&client).await?));
    }
    context.printer.result(&findings, |findings, page| {
        if well {
            table(findings, page)
        } else {
            render(findings, page)
        }
    })?;
    Ok(if well { Exit::Ok } else { Exit::Cluster })
}

async fn fix(context: &Context) -> anyhow::Result<()> {
    let steps = Steps::new(&context.printer);
    let step = steps.begin("packages", "looking for what is missing");
    let (what, next) = install::LEFT_WHEN_KILLED;
    context.interrupt.leaves(what, next);
    let fixed = install::fix(&reporter(&step), context.interrupt.token()).await;
    let installed = fixed.inspect_err(|_| step.abandon())?;
    steps.end(
        &step,
        match installed.as_slice() {
            [] => "none is missing".to_owned(),
            packages => format!("installed {}", packages.join(", ")),
        },
    );
    Ok(())
}

fn work(context: &Context) -> Work {
    match images::need_compiler(&context.paths, &context.source) {
        Ok(false) => Work::Run,
        _ => Work::Compile,
    }
}

/// What the nodes of a cluster can do.
fn faults(nodes: &[capability::Node]) -> Vec<Finding> {
    let finding = |what: String, verdict, found: String, needed: &str| Finding {
        what,
        verdict,
        found,
        needed: needed.to_owned(),
        fix: None,
    };
    if nodes.is_empty() {
        let found = "its daemon is on no node: install it (`aznet chaos install` on an embedded cluster) to look at the nodes";
        let what = "Chaos Mesh".to_owned();
        return vec![finding(what, Verdict::Info, found.to_owned(), "for faults")];
    }
    let each = nodes.iter().flat_map(|node| {
        node.can.iter().map(move |(capability, can)| {
            let what = format!("{}: {}", node.name, capability.name());
            let faults = capability.faults();
            match can {
                Ok(()) => finding(what, Verdict::Ok, format!("there, for {faults}"), faults),
                Err(said) => {
                    let found = format!("not there, so no {faults}: {said}");
                    finding(what, Verdict::Info, found, faults)
                }
            }
        })
    });
    each.collect()
}

fn table(findings: &[Finding], page: Page) -> String {
    let mut table = Table::new([
        Column::text(""),
        Column::text("what"),
        Column::prose("found", 24),
    ]);
    for finding in findings {
        let mark = match finding.verdict {
            Verdict::Ok => good("✓"),
            Verdict::Info => Cell::new("·"),
            Verdict::Warning => doubtful("!"),
            Verdict::Missing => bad("✗"),
        };
        table.row([
            mark,
            Cell::new(short(&finding.what)),
            Cell::new(&finding.found),
        ]);
    }
    table.render(page)
}

/// A file by its name: the column beside it has its path, and two paths do not fit in a line.
fn short(what: &str) -> &str {
    match what.rsplit_once('/') {
        Some((folder, name)) if folder.starts_with('/') => name,
        _ => what,
    }
}

fn render(findings: &[Finding], page: Page) -> String {
    let fixes = findings.iter().filter_map(
        |Finding {
             what, needed, fix, ..
         }| {
            let fix = format!("{} {}", "fix:".cyan().bold(), fix.as_ref()?);
            let head = page.wrap(&format!("{what} (needed: {needed})"), 2);
            Some(format!("\n{head}\n{}", page.indented(&fix, 2)))
        },
    );
    let fixes: String = fixes.collect();
    let verdict = if findings.iter().all(Finding::ok) {
        "this machine can run clusters".green().to_string()
    } else {
        "this machine can't run clusters".red().to_string()
    };
    format!("{}\n{fixes}\n{verdict}", table(findings, page))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::at_all_widths;

    #[test]
    fn what_a_node_lacks_is_told_with_the_faults_that_need_it() {
        let said = "Specified qdisc kind is unknown.".to_owned();
        let node = capability::Node {
            name: "n".to_owned(),
            can: [
                (capability::Capability::Drop, Ok(())),
                (capability::Capability::Netem, Err(said)),
            ]
            .into(),
        };
        let told = faults(&[node]);
        let told: Vec<String> = told.iter().map(|one| one.found.clone()).collect();
        let netem =
            "not there, so no delay, loss, duplicate, corrupt: Specified qdisc kind is unknown.";
        assert_eq!(told, ["there, for partition", netem]);
        assert!(faults(&[])[0].found.contains("aznet chaos install"));
    }

    #[test]
    fn findings_are_shown_at_a_glance() {
        let finding = |what: &str, verdict, found: &str| Finding {
            what: what.to_owned(),
            verdict,
            found: found.to_owned(),
            needed: "to store images and clusters".to_owned(),
            fix: (verdict == Verdict::Missing).then(|| {
                "`apt-get install debian-archive-keyring`, or run `aznet doctor --fix` as root"
                    .to_owned()
            }),
        };
        let keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
        let findings = [
            finding("user", Verdict::Ok, "root"),
            finding(
                "netem",
                Verdict::Info,
                "not there: no delay, loss or corruption of packets by the kernel",
            ),
            finding("memory", Verdict::Warning, "3.5 GiB available"),
            finding(keyring, Verdict::Missing, "not there"),
        ];
        insta::assert_snapshot!(at_all_widths(|page| render(&findings, page)));
    }
}
