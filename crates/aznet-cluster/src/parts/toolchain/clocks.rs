//! Chaos Mesh's sources with the machine code that its daemon puts in the place of a process's clocks. The module has it in C
//! alone, and embeds what is compiled.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aznet_kit::files::{self, Access};
use aznet_kit::process::Tool;
use tokio_util::sync::CancellationToken;

use super::chart::module;
use super::error::ToolchainError;
use super::pin::Pin;

/// Where the code is in the module.
const PLACE: &str = "pkg/time/fakeclock";
const CLOCKS: [&str; 2] = ["fake_clock_gettime", "fake_gettimeofday"];
/// As the module's Makefile compiles it.
pub(super) const FLAGS: [&str; 3] = ["-c", "-fPIC", "-O2"];
/// Neither has a hundred lines.
const COMPILATION: Duration = Duration::from_mins(1);

/// Makes a copy of the sources in `folder`; the file for `-modfile` by which Go builds it.
pub(super) async fn compiled(
    pin: &Pin,
    folder: &Path,
    cancel: &CancellationToken,
) -> Result<PathBuf, ToolchainError> {
    let source = folder.join("source");
    files::copy_tree(&module(pin, cancel).await?, &source, &[".git", "ui"])?;
    for clock in CLOCKS {
        let compile = Tool::new("gcc").dir(&source.join(PLACE)).args(FLAGS).args([
            format!("{clock}.c"),
            "-o".to_owned(),
            format!("{clock}.o"),
        ]);
        compile.output(COMPILATION, cancel).await?;
    }
    let modfile = folder.join("go.mod");
    let replaced = format!(
        "{}\nreplace {} => {}\n",
        files::read(&pin.folder.join("go.mod"))?,
        pin.group.module(),
        source.display()
    );
    files::write(&modfile, replaced, Access::Shared)?;
    files::copy(
        &pin.folder.join("go.sum"),
        &folder.join("go.sum"),
        Access::Shared,
    )?;
    Ok(modfile)
}
