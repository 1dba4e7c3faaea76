//! Builds a group with the machine's Go.

use std::path::Path;
use std::time::Duration;

use aznet_kit::files::{self, Access};
use aznet_kit::process::{ProcessError, Tool};
use tokio_util::sync::CancellationToken;

use super::error::ToolchainError;
use super::pin::Pin;
use crate::machine::{programs, space};
use crate::progress::Task;

/// Space for a group's programs and for what Go keeps of the compilation.
const SPACE: u64 = 3 << 30;

/// The largest program takes minutes, beside others many.
const COMPILATION: Duration = Duration::from_hours(1);
/// Go tells its version at once.
const ANSWER: Duration = Duration::from_secs(30);

/// Builds every program of a group into `bin`.
pub(super) async fn group(
    pin: &Pin,
    bin: &Path,
    task: &Task,
    cancel: &CancellationToken,
) -> Result<(), ToolchainError> {
    check_go(pin, cancel).await?;
    check_space(pin, bin)?;
    files::make_dir(bin, Access::Shared)?;
    let programs = pin.group.programs();
    for (index, program) in programs.iter().enumerate() {
        let place = match programs.len() {
            1 => String::new(),
            count => format!(" ({} of {count})", index + 1),
        };
        let message = format!("building {} {}{place}", program.name(), pin.version);
        let place = bin.join(program.name());
        let build = go(pin)
            .env("CGO_ENABLED", if program.is_partly_c() { "1" } else { "0" })
            // The linker strips symbols (`-s -w`): to write them first would cost a seventh of the compilation.
            .args([
                "build",
                "-trimpath",
                "-buildvcs=false",
                "-gcflags=all=-dwarf=false",
            ])
            .args(["-tags", pin.group.tags(), "-ldflags", &pin.ldflags, "-o"])
            .arg(&place)
            .arg(program.package());
        task.run(&message, build, COMPILATION, cancel)
            .await
            .map_err(|error| explain(pin, bin, error))?;
        files::set_access(&place, Access::Program)?;
    }
    Ok(())
}

/// The machine's Go in the group's folder.
pub(super) fn go(pin: &Pin) -> Tool {
    Tool::new(programs::find("go").unwrap_or_else(|| "go".into()))
        .dir(&pin.folder)
        .env("CGO_ENABLED", "0")
        .env("GOWORK", "off")
}

async fn check_go(pin: &Pin, cancel: &CancellationToken) -> Result<(), ToolchainError> {
    let asked = go(pin)
        .args(["env", "GOVERSION"])
        .output(ANSWER, cancel)
        .await;
    let found = match asked {
        Err(ProcessError::NotFound { .. }) => {
            return Err(ToolchainError::NoGo {
                group: pin.group,
                needed: pin.go.clone(),
            });
        }
        other => other?,
    };
    if version(&found) < version(&pin.go) {
        return Err(ToolchainError::OldGo {
            group: pin.group,
            needed: pin.go.clone(),
            found: found.trim().to_owned(),
        });
    }
    Ok(())
}

/// The numbers of `go1.26.8`, `1.25.0`, `go1.27rc1`.
fn version(text: &str) -> Vec<u32> {
    text.trim()
        .trim_start_matches("go")
        .split(|c: char| !c.is_ascii_digit())
        .map_while(|part| part.parse().ok())
        .collect()
}

fn check_space(pin: &Pin, path: &Path) -> Result<(), ToolchainError> {
    let free = space::free_bytes(path)?;
    if free < SPACE {
        return Err(disk_full(pin, path, free));
    }
    Ok(())
}

fn explain(pin: &Pin, path: &Path, error: ProcessError) -> ToolchainError {
    if error.is_disk_full() {
        return disk_full(pin, path, space::free_bytes(path).unwrap_or(0));
    }
    error.into()
}

fn disk_full(pin: &Pin, path: &Path, free: u64) -> ToolchainError {
    ToolchainError::DiskFull {
        group: pin.group,
        path: path.to_owned(),
        needed: SPACE,
        free,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_versions_compare_by_number() {
        assert!(version("go1.9.7") < version("1.25.0"));
        assert!(version("go1.26.8\n") > version("1.25.0"));
        assert!(version("go1.25") < version("go1.25.1"));
        assert_eq!(version("go1.27rc1"), [1, 27]);
    }
}
