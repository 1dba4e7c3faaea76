//! Releases of Aztec: what an image's name says, and what a release does not have. Found by `plan`, before anything is started.

use super::support::Sandbox;

const SIX: &str = "images.aztec.image=azteclabs/aztec:6.0.0";
const DIGEST: &str = "images.aztec.image=registry.example:5000/aztec@sha256:\
                      0000000000000000000000000000000000000000000000000000000000000000";

/// What `aznet plan NETWORK --set …` says.
fn plan(sandbox: &Sandbox, network: &str, sets: &[&str]) -> String {
    let sets = sets.iter().flat_map(|set| ["--set", set]);
    let args: Vec<&str> = ["plan", network].into_iter().chain(sets).collect();
    sandbox.run(&args)
}

#[test]
fn images_that_name_no_release() {
    let sandbox = Sandbox::new();
    for (name, sets) in [
        ("latest", vec!["images.aztec.image=azteclabs/aztec:latest"]),
        ("no-tag", vec!["images.aztec.image=azteclabs/aztec"]),
        ("digest", vec![DIGEST]),
        ("newer", vec!["images.aztec.image=azteclabs/aztec:7.1.0"]),
        (
            "between",
            vec!["images.aztec.image=aztecprotocol/aztec:v5.1.0"],
        ),
        ("contradiction", vec!["network.release=6.0"]),
        ("unknown", vec!["network.release=7.0", DIGEST]),
        (
            "latest-of-a-role",
            vec!["fullNode.image=azteclabs/aztec:latest"],
        ),
        (
            "two-releases",
            vec!["validator.image=aztecprotocol/aztec:5.2.0"],
        ),
    ] {
        insta::assert_snapshot!(format!("release-{name}"), plan(&sandbox, "small", &sets));
    }
}

#[test]
fn settings_that_a_release_does_not_have() {
    let sandbox = Sandbox::new();
    let old = "network:\n  slashing:\n    flavor: empire\n    penalties:\n      prune: \"5\"\n      attestDescendantOfInvalid: \"7\"\n\
               validator:\n  sequencer:\n    l1PublishingSeconds: 4\n  args: [--archiver]\n  storage:\n    enabled: false\n\
               images:\n  aztec:\n    image: azteclabs/aztec:6.0.0\n";
    sandbox.write("of-4.1.yaml", old);
    let new = "network:\n  slashing:\n    penalties:\n      invalidCheckpoint: \"1\"\n      attestInvalidCheckpoint: \"1\"\n";
    sandbox.write("of-5.2.yaml", new);
    for (name, file) in [("4.1-in-6.0", "of-4.1.yaml"), ("5.2-in-4.1", "of-5.2.yaml")] {
        insta::assert_snapshot!(
            format!("release-settings-{name}"),
            sandbox.run(&["up", "small", "-f", file])
        );
    }
}

#[test]
fn what_a_release_cannot_do() {
    let sandbox = Sandbox::new();
    for (name, sets) in [
        ("wallet", vec![SIX]),
        (
            "bot-without-account",
            vec![
                SIX,
                "pxe.replicas=0",
                "bot.replicas=1",
                "network.testAccounts=false",
            ],
        ),
        ("bots", vec![SIX, "pxe.replicas=0", "bot.replicas=2"]),
        (
            "slot",
            vec![SIX, "pxe.replicas=0", "network.slotDuration=4"],
        ),
        (
            "block",
            vec![SIX, "pxe.replicas=0", "network.slotDuration=8"],
        ),
        (
            "exit-delay",
            vec![
                SIX,
                "pxe.replicas=0",
                "network.staking.exitDelaySeconds=6000000",
            ],
        ),
    ] {
        insta::assert_snapshot!(
            format!("release-cannot-{name}"),
            plan(&sandbox, "small", &sets)
        );
    }
}

#[test]
fn what_works_all_the_same_is_noted() {
    let sandbox = Sandbox::new();
    for (sets, note) in [
        (
            vec!["images.aztec.image=azteclabs/aztec:nightly"],
            "names no release: taken for 4.1",
        ),
        (
            vec![
                SIX,
                "pxe.replicas=0",
                "fullNode.env.ETHEREUM_ALLOW_NO_DEBUG_HOSTS=no",
            ],
            "fullNode.env.ETHEREUM_ALLOW_NO_DEBUG_HOSTS is no, which wins over true",
        ),
        (
            vec!["validator.env.AZTEC_SLASHER_ENABLED=yes"],
            "nothing in Aztec 4.1 reads this variable; 5.2 and 6.0 do",
        ),
        (
            vec![
                SIX,
                "pxe.replicas=0",
                "validator.env.AZTEC_SLASHER_FLAVOR=none",
            ],
            "Aztec 6.0 reads AZTEC_SLASHER_ENABLED instead",
        ),
        (
            vec![SIX, "pxe.replicas=0", "defaults.env.SLASH_PRUNE_PENALTY=5"],
            "note: defaults.env.SLASH_PRUNE_PENALTY: nothing in Aztec 6.0 reads this variable.",
        ),
        (
            vec![
                "images.aztec.image=mirror.example/aztec:6.0",
                "pxe.replicas=0",
            ],
            "release Aztec 6.0",
        ),
        (
            vec![SIX, "pxe.replicas=0"],
            "No network of Aztec 6.0 was ever run here",
        ),
    ] {
        let text = plan(&sandbox, "small", &sets);
        assert!(text.contains("exit code: 0"), "{sets:?}: {text}");
        let plain = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(plain.contains(note), "{sets:?}: {text}");
    }
}
