use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::*;

const LONG: Duration = Duration::from_mins(1);

fn shell(script: &str) -> Tool {
    Tool::new("sh").args(["-c", script])
}

fn never() -> CancellationToken {
    CancellationToken::new()
}

async fn run(tool: Tool) -> Result<String, ProcessError> {
    tool.output(LONG, &never()).await
}

#[tokio::test]
async fn output_is_returned_and_a_failure_shows_the_last_lines() {
    assert_eq!(run(shell("echo hello")).await.unwrap(), "hello\n");
    let failed = run(shell("echo no good >&2; exit 3"));
    let text = failed.await.unwrap_err().to_string();
    assert!(text.contains("exit status: 3"), "{text}");
    assert!(text.ends_with("  no good"), "{text}");
}

#[tokio::test]
async fn much_input_goes_in_and_comes_back() {
    let long = "x".repeat(1 << 20);
    let answer = run(Tool::new("cat").input(long.clone()));
    assert_eq!(answer.await.unwrap(), long);
    let deaf = run(shell("exit 0").input(long));
    assert_eq!(deaf.await.unwrap(), "");
}

#[tokio::test]
async fn what_is_streamed_is_heard_before_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let go_on = dir.path().join("go-on");
    let script = format!(
        "echo begun; while [ ! -e {} ]; do sleep 0.05; done; echo done",
        go_on.display()
    );
    let never = never();
    let answer = shell(&script).stream(
        |bytes| {
            if bytes.starts_with(b"begun") {
                std::fs::write(&go_on, "").unwrap();
            }
        },
        LONG,
        &never,
    );
    assert_eq!(answer.await.unwrap(), "begun\ndone\n");
}

#[tokio::test]
async fn variables_are_set_and_kept_away() {
    let tool = shell("echo ${GIVEN-none} ${HOME-none}")
        .env("GIVEN", "yes")
        .without_env("HOME");
    assert_eq!(run(tool).await.unwrap(), "yes none\n");
}

#[tokio::test]
async fn a_missing_program_is_named() {
    let tool = Tool::new("no-such-program");
    for tool in [tool.clone(), tool.shares_files()] {
        let error = run(tool).await.unwrap_err();
        assert!(
            matches!(error, ProcessError::NotFound { program } if program == "no-such-program")
        );
    }
}

#[tokio::test]
async fn r02_files_of_a_program_that_shares_them_are_readable_whatever_the_umask() {
    let dir = tempfile::tempdir().unwrap();
    let inner = shell("echo \"$1\" > \"$1\"").shares_files();
    let file = dir.path().join("a file");
    let tool = inner.args(["sh"]).arg(&file);
    let before = nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    let outcome = run(tool).await;
    nix::sys::stat::umask(before);
    outcome.unwrap();
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o644);
}

#[tokio::test]
async fn a_program_that_hangs_is_stopped_at_the_deadline() {
    let short = Duration::from_millis(200);
    let hangs = shell("echo begun; exec sleep 600");
    let error = hangs.output(short, &never()).await.unwrap_err();
    assert!(matches!(error, ProcessError::TimedOut { .. }), "{error}");
    assert!(error.to_string().ends_with("  begun"), "{error}");
}

#[tokio::test]
async fn a_grandchild_that_keeps_the_pipe_open_holds_nobody_up() {
    let script = "setsid sleep 60 & echo $!";
    let pid = tokio::time::timeout(Duration::from_secs(20), run(shell(script)));
    let pid = pid.await.expect("it returns").unwrap();
    let pid = Pid::from_raw(pid.trim().parse().unwrap());
    nix::sys::signal::kill(pid, Signal::SIGKILL).expect("the grandchild still runs");
}

#[tokio::test]
async fn interrupting_stops_the_whole_group() {
    let dir = tempfile::tempdir().unwrap();
    let mark = dir.path().join("pid");
    let script = format!("sleep 600 & echo $! > {}; wait", mark.display());
    let cancel = CancellationToken::new();
    let read = || std::fs::read_to_string(&mark).unwrap_or_default();
    let watch = async {
        while read().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        cancel.cancel();
    };
    let (outcome, ()) = tokio::join!(shell(&script).output(LONG, &cancel), watch);
    assert!(matches!(outcome, Err(ProcessError::Cancelled { .. })));
    let stat = format!("/proc/{}/stat", read().trim());
    // It was sent the signal; the kernel may take a moment to end it.
    let ended = async {
        let gone = |stat: &str| stat.is_empty() || stat.contains(") Z ");
        while !gone(&std::fs::read_to_string(&stat).unwrap_or_default()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), ended)
        .await
        .expect("the whole group ends");
}

#[tokio::test]
async fn a_full_disk_is_recognised() {
    let full = run(shell(
        "echo 'write /a: No space left on device' >&2; exit 1",
    ));
    assert!(full.await.unwrap_err().is_disk_full());
}
