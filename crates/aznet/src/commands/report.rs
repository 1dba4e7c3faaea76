//! `aznet report RUN`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use aznet_kit::files::{self, Access};
use aznet_runner::Event;
use aznet_runner::report::{Document, Html, Human, Junit, Markdown, replay};
use clap::{Args, ValueEnum};

use crate::context::Context;
use crate::exit::Exit;
use crate::lines::{self, Lines};
use crate::run_folder;

const EXAMPLES: &str = "\
Examples:
  aznet report                              the newest run without --report
  aznet report 20261128T091500Z             one of those, by its name
  aznet report runs/last                    what `aznet test` printed
  aznet report runs/last --format html      writes runs/last/report.html
  aznet report runs/last --format junit     writes runs/last/junit.xml
  aznet report runs/last --format markdown  writes runs/last/summary.md
  aznet report runs/last/events.jsonl -o json";

/// What a recorded run is made into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// Lines for people, on stdout.
    #[default]
    Human,
    /// `report.html`, beside the record: a page that needs nothing else.
    Html,
    /// `junit.xml`, beside the record.
    Junit,
    /// `summary.md`, beside the record.
    Markdown,
    /// One JSON document on stdout.
    Json,
}

/// Arguments of `aznet report`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ReportArgs {
    /// A folder that `aznet test --report` wrote, or the `events.jsonl` in it; or the name of a run that was not given a folder
    /// (default: the newest of those).
    #[arg(value_name = "RUN")]
    pub run: Option<PathBuf>,
    /// What to make of it; files are written beside the record, in the place of earlier ones.
    #[arg(
        short = 'o',
        long = "format",
        visible_alias = "output",
        value_enum,
        value_name = "FORMAT",
        default_value_t
    )]
    pub format: Format,
}

/// Reports a recorded run again.
pub fn run(args: &ReportArgs, context: &Context) -> anyhow::Result<Exit> {
    let runs = context.paths.runs();
    let run = match &args.run {
        Some(named) => run_folder::find(named, runs),
        None => run_folder::newest(runs)?,
    };
    let record = run_folder::record(&run);
    let events = run_folder::read(&record)?;
    let beside = |name: &str| record.with_file_name(name);
    match args.format {
        Format::Human => {
            let mut human = Human::new(Lines::new(&context.printer), true, false);
            replay(&events, &mut human)?;
            let mut document = Document::default();
            replay(&events, &mut document)?;
            lines::grid(&document.matrix, true, &context.printer);
        }
        Format::Json => {
            let mut document = Document::default();
            replay(&events, &mut document)?;
            context.printer.json(&document)?;
        }
        Format::Html => put(&html(&events)?, &beside(run_folder::HTML), context)?,
        Format::Junit => put(&junit(&events)?, &beside(run_folder::JUNIT), context)?,
        Format::Markdown => put(&markdown(&events)?, &beside(run_folder::SUMMARY), context)?,
    }
    Ok(Exit::Ok)
}

fn html(events: &[Event]) -> std::io::Result<Vec<u8>> {
    let mut document = Vec::new();
    let mut html = Html::new(|whole: &[u8]| {
        document = whole.to_vec();
        Ok(())
    });
    replay(events, &mut html)?;
    drop(html);
    Ok(document)
}

fn junit(events: &[Event]) -> std::io::Result<Vec<u8>> {
    let mut document = Vec::new();
    let mut junit = Junit::new(|whole: &[u8]| {
        document = whole.to_vec();
        Ok(())
    });
    replay(events, &mut junit)?;
    drop(junit);
    Ok(document)
}

fn markdown(events: &[Event]) -> std::io::Result<Vec<u8>> {
    let mut document = Vec::new();
    replay(events, &mut Markdown::new(&mut document))?;
    Ok(document)
}

fn put(document: &[u8], path: &Path, context: &Context) -> anyhow::Result<()> {
    files::write(path, document, Access::Shared).context("writing the report")?;
    context
        .printer
        .note(format_args!("wrote {}", path.display()));
    Ok(())
}
