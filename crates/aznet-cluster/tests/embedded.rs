//! The embedded cluster, for real. Needs root and what `aznet images build` makes; says so if it can't run.

#![expect(
    clippy::print_stderr,
    reason = "a skipped test says why; measurements are shown"
)]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]
#![expect(
    unreachable_pub,
    reason = "the support module is shared by including it"
)]

mod embedded_support;

use std::fs::OpenOptions;
use std::io::Write;
use std::time::Instant;

use aznet_cluster::parts::kubernetes::Minor;
use aznet_cluster::provider::embedded::{Error, State};
use embedded_support::{
    Machine, Parts, Workload, eventually, kill, memory, netns_of, reboot, traces,
};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// Clusters are heavy: one test at a time.
static TURN: Mutex<()> = Mutex::const_new(());

macro_rules! parts_or_skip {
    () => {
        parts_or_skip!(Minor::default())
    };
    ($kubernetes:expr) => {
        match Parts::find($kubernetes).await {
            Ok(parts) => parts,
            Err(reason) => return skip(&reason),
        }
    };
}

/// libtest knows no skip at run time: `cargo xtask test` counts the lines of this file.
fn skip(reason: &str) {
    eprintln!("skipped: {reason}");
    if let Some(file) = std::env::var_os("AZNET_TEST_SKIPS") {
        let file = OpenOptions::new().append(true).create(true).open(file);
        writeln!(file.unwrap(), "embedded cluster: {reason}").unwrap();
    }
}

#[tokio::test]
async fn a_cluster_lives_through_all_that_may_happen_to_it() {
    let parts = parts_or_skip!();
    let _turn = TURN.lock().await;
    parts.clear().await;
    let name = "emb-life";
    let machine = Machine::now();

    let start = Instant::now();
    let cluster = parts.up(name).await;
    eprintln!("up: {:.1}s", start.elapsed().as_secs_f64());
    assert_eq!(parts.info(name).state, State::Running);
    assert_eq!(version(&cluster).await, parts.binaries.kubernetes);
    // R01: the first `ip netns add` of a machine binds /run/netns over itself.
    let _others = OtherNamespace::add("aznet-test-other");
    let mut workload = Workload::start(&cluster, &parts).await;
    workload.asked_by_name().await;

    let (components, start) = (pids(&parts, name), Instant::now());
    assert_eq!(parts.up(name).await, cluster);
    eprintln!("up again: {:.2}s", start.elapsed().as_secs_f64());
    assert_eq!(pids(&parts, name), components, "the second up was no no-op");

    let containers = workload.containers().await;
    for component in [
        "kubelet",
        "etcd",
        "containerd",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kube-proxy",
    ] {
        parts.kill_component(name, component).await;
        parts.up(name).await;
        workload.answers().await;
        assert_eq!(
            workload.containers().await,
            containers,
            "after the end of {component}"
        );
    }

    let port = parts.info(name).port;
    kill(parts.supervisor(name));
    eventually("it is seen to be stopped", 5, || async {
        (parts.info(name).state == State::Stopped).then_some(())
    })
    .await;
    let start = Instant::now();
    let cluster = parts.up(name).await;
    eprintln!(
        "up after the end of the supervisor: {:.1}s",
        start.elapsed().as_secs_f64()
    );
    assert_eq!(parts.info(name).port, port);
    workload.again(&cluster).await;
    workload.answers().await;
    assert_eq!(
        workload.containers().await,
        containers,
        "after the end of the supervisor"
    );
    workload.asked_by_name().await;

    reboot(&parts, name).await;
    let start = Instant::now();
    let cluster = parts.up(name).await;
    eprintln!("up after a reboot: {:.1}s", start.elapsed().as_secs_f64());
    workload.again(&cluster).await;
    workload.answers().await;
    workload.asked_by_name().await;

    let (total, lines) = memory(&parts, name);
    eprintln!("memory: {total} MB: {}", lines.join(", "));

    let start = Instant::now();
    parts.down(name).await;
    eprintln!("down: {:.1}s", start.elapsed().as_secs_f64());
    assert_eq!(traces(&parts, name), Vec::<String>::new());
    machine.is_as_before().unwrap_or_else(|why| skip(&why));
}

/// A network namespace made by `ip netns add`, as other programs on the machine make them.
struct OtherNamespace(&'static str);

impl OtherNamespace {
    fn add(name: &'static str) -> Self {
        Self::ip(&["netns", "add", name]);
        Self(name)
    }

    fn ip(args: &[&str]) {
        let status = std::process::Command::new("ip").args(args).status();
        assert!(status.unwrap().success(), "ip {}", args.join(" "));
    }
}

impl Drop for OtherNamespace {
    fn drop(&mut self) {
        Self::ip(&["netns", "delete", self.0]);
    }
}

/// What the API server says it is.
async fn version(cluster: &aznet_cluster::provider::Cluster) -> String {
    let client = cluster.client().await.unwrap();
    client.apiserver_version().await.unwrap().git_version
}

#[tokio::test]
async fn the_older_kubernetes_works_too_and_a_cluster_of_it_stays_so() {
    if std::env::var_os("AZNET_TEST_LONG").is_none() {
        return skip("the older Kubernetes is one more build by Go: set AZNET_TEST_LONG=1");
    }
    let older = parts_or_skip!(Minor::V1_35);
    let newest = parts_or_skip!();
    let _turn = TURN.lock().await;
    older.clear().await;
    let name = "emb-older";
    let cluster = older.up(name).await;
    assert_eq!(version(&cluster).await, older.binaries.kubernetes);
    assert_eq!(older.info(name).kubernetes, older.binaries.kubernetes);
    let workload = Workload::start(&cluster, &older).await;
    workload.asked_by_name().await;

    let refused = newest.try_up(name, &CancellationToken::new()).await;
    let error = refused.unwrap_err();
    assert!(matches!(error, Error::OtherKubernetes { .. }), "{error}");
    workload.answers().await;

    older.down(name).await;
    assert_eq!(traces(&older, name), Vec::<String>::new());
}

fn pids(parts: &Parts, name: &str) -> Vec<Option<i32>> {
    let components = parts.info(name).components;
    components.iter().map(|component| component.pid).collect()
}

#[tokio::test]
async fn two_clusters_run_side_by_side() {
    let parts = parts_or_skip!();
    let _turn = TURN.lock().await;
    parts.clear().await;
    let names = ["emb-a", "emb-b"];
    let machine = Machine::now();
    let (a, b) = tokio::join!(parts.up(names[0]), parts.up(names[1]));
    let [port_a, port_b] = names.map(|name| parts.info(name).port);
    assert_ne!(port_a, port_b);
    let [netns_a, netns_b] = names.map(|name| netns_of(parts.pid(name, "kubelet")));
    assert_ne!(netns_a, netns_b);
    let workload_a = Workload::start(&a, &parts).await;
    let workload_b = Workload::start(&b, &parts).await;

    parts.down(names[0]).await;
    assert_eq!(traces(&parts, names[0]), Vec::<String>::new());
    drop(workload_a);
    workload_b.answers().await;
    workload_b.asked_by_name().await;

    // The port is someone else's now: the cluster takes another one.
    reboot(&parts, names[1]).await;
    let taken = std::net::TcpListener::bind(("127.0.0.1", port_b)).unwrap();
    let b = parts.up(names[1]).await;
    assert_ne!(parts.info(names[1]).port, port_b);
    drop(taken);
    let mut workload_b = workload_b;
    workload_b.again(&b).await;
    workload_b.answers().await;

    parts.down(names[1]).await;
    assert_eq!(traces(&parts, names[1]), Vec::<String>::new());
    machine.is_as_before().unwrap_or_else(|why| skip(&why));
}

#[tokio::test]
async fn an_interrupted_up_is_completed_or_removed() {
    let parts = parts_or_skip!();
    let _turn = TURN.lock().await;
    parts.clear().await;
    let name = "emb-ctrlc";
    let mut states = Vec::new();
    // Every one goes further than the last: it finds what that one left.
    for n in 1..=3 {
        let (error, told) = parts.interrupted_at(name, n).await;
        assert!(error.is_cancelled(), "at `{told}`: {error}");
        states.push(told);
    }
    eprintln!("interrupted at: {}", states.join(", "));
    parts.up(name).await;
    parts.down(name).await;
    let (error, told) = parts.interrupted_at(name, 3).await;
    assert!(error.is_cancelled(), "at `{told}`: {error}");
    parts.down(name).await;
    assert_eq!(traces(&parts, name), Vec::<String>::new());
}

#[tokio::test]
async fn c03_clusters_of_one_name_in_two_state_folders_run_apart() {
    let parts = parts_or_skip!();
    let _turn = TURN.lock().await;
    parts.clear().await;
    let name = "emb-twin";
    parts.up(name).await;
    let pid = parts.pid(name, "kubelet");
    let dir = tempfile::tempdir().unwrap();
    let other = parts.elsewhere(dir.path()).await;
    other.up(name).await;
    assert_eq!(parts.info(name).state, State::Running);
    assert_eq!(parts.pid(name, "kubelet"), pid);
    other.down(name).await;
    assert_eq!(parts.info(name).state, State::Running);
    assert_eq!(parts.pid(name, "kubelet"), pid);
    parts.down(name).await;
    for parts in [&parts, &other] {
        assert_eq!(traces(parts, name), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_component_that_does_not_start_is_named_with_its_words() {
    let mut parts = parts_or_skip!();
    let _turn = TURN.lock().await;
    parts.clear().await;
    let name = "emb-broken";
    let dir = tempfile::tempdir().unwrap();
    let broken = dir.path().join("kube-apiserver");
    std::fs::write(&broken, "#!/bin/sh\necho out of order >&2\nexit 3\n").unwrap();
    std::fs::set_permissions(&broken, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    parts.binaries.search.insert(0, dir.path().to_path_buf());
    let error = parts
        .try_up(name, &CancellationToken::new())
        .await
        .unwrap_err();
    let Error::NotUp {
        component, tail, ..
    } = &error
    else {
        panic!("{error}");
    };
    assert_eq!(component, "kube-apiserver");
    assert!(tail.contains("out of order"), "{tail}");

    // With the right program, the same cluster comes up.
    parts.binaries.search.remove(0);
    parts.up(name).await;
    parts.down(name).await;
    assert_eq!(traces(&parts, name), Vec::<String>::new());
}
