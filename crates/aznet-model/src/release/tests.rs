use super::*;

fn of(image: &str, said: Option<&str>) -> Result<&'static str, String> {
    let said = said.and_then(Release::named);
    Release::of_image(image, said)
        .map(|release| release.name)
        .map_err(|error| error.to_string())
}

#[test]
fn a_tag_names_the_release() {
    for (image, name) in [
        ("aztecprotocol/aztec:4.1.2", "4.1"),
        ("aztecprotocol/aztec:v4.1.9", "4.1"),
        ("aztecprotocol/aztec:5.2.0-arm64", "5.2"),
        ("registry.example:5000/azteclabs/aztec:6.0.0", "6.0"),
        ("aztec:6.0.1-rc.1@sha256:00", "6.0"),
        ("mirror.example/aztec:6.0", "6.0"),
        ("mirror.example/aztec:v5.2-arm64", "5.2"),
        // No versions: taken for what is run here.
        ("localhost/aznet/aztec:1", "4.1"),
        (
            "aztecprotocol/aztec:c07d910d0b8b83b62008e79a7085db6c5020df4e",
            "4.1",
        ),
    ] {
        assert_eq!(of(image, None).as_deref(), Ok(name), "{image}");
    }
    assert!(Release::is_guessed("localhost/aznet/aztec:1"));
    assert!(!Release::is_guessed("aztec:4.1.2"));
}

#[test]
fn what_names_no_release_is_refused_until_someone_says_which() {
    let digest = "registry.example:5000/aztec@sha256:00";
    assert_eq!(
        of(digest, None),
        Err(format!("{digest} has no tag that names a release"))
    );
    assert_eq!(of(digest, Some("6.0")).as_deref(), Ok("6.0"));
    let newer = "azteclabs/aztec:7.1.0";
    assert_eq!(
        of(newer, None),
        Err(format!(
            "{newer} is Aztec 7.1.0, for which there is no profile (there are 4.1, 5.2, 6.0; the nearest is 6.0)"
        ))
    );
    assert_eq!(of(newer, Some("6.0")).as_deref(), Ok("6.0"));
    assert_eq!(
        of("aztecprotocol/aztec:4.1.2", Some("6.0")),
        Err("aztecprotocol/aztec:4.1.2 is of release 4.1, and network.release is 6.0".into())
    );
}

#[test]
fn the_nearest_profile_is_of_the_same_major_or_not_newer() {
    for (version, name) in [
        ("3.0.0", "4.1"),
        ("4.4.0", "4.1"),
        ("5.1.0", "5.2"),
        ("5.3.0", "5.2"),
        ("9.0.0", "6.0"),
    ] {
        assert_eq!(Release::nearest(version).name, name, "{version}");
    }
}

#[test]
fn slots_have_room_for_blocks() {
    let blocks = v5_2::BLOCKS;
    let fast = blocks.budgets(4);
    assert_eq!((fast.blocks(12, 3000), fast.blocks(8, 3000)), (2, 0));
    assert_eq!((fast.longest_block(8), fast.blocks(8, 2750)), (2750, 1));
    assert_eq!(fast.blocks(8, 2751), 0);
    let usual = blocks.budgets(12);
    assert_eq!((usual.blocks(72, 6000), usual.blocks(36, 3000)), (10, 9));
    for budgets in [fast, usual] {
        let least = budgets.least_slot();
        assert!(budgets.blocks(least, budgets.shortest_block) >= 1);
        assert_eq!(budgets.blocks(least - 1, budgets.shortest_block), 0);
    }
}

#[test]
fn variables_are_read_by_other_names() {
    let environment = &v6_0::RELEASE.environment;
    let read = |name: &str, value: &str| environment.translated(name, value);
    let pair = |name: &str, value: &str| Some((name.to_owned(), value.to_owned()));
    assert_eq!(
        read("AZTEC_SLASHER_FLAVOR", "tally"),
        pair("AZTEC_SLASHER_ENABLED", "true")
    );
    assert_eq!(
        read("AZTEC_SLASHER_FLAVOR", "none"),
        pair("AZTEC_SLASHER_ENABLED", "false")
    );
    assert_eq!(
        read("ENABLE_VERSION_CHECK", "false"),
        pair("ENABLE_AUTO_SHUTDOWN", "false")
    );
    assert_eq!(read("SEQ_ENFORCE_TIME_TABLE", "false"), None);
    assert_eq!(read("P2P_PORT", "40400"), pair("P2P_PORT", "40400"));
    assert_eq!(
        Release::oldest()
            .environment
            .translated("AZTEC_SLASHER_FLAVOR", "empire"),
        pair("AZTEC_SLASHER_FLAVOR", "empire")
    );
}

#[test]
fn no_offence_is_both_punished_and_dropped() {
    for release in ALL {
        for (offence, variable) in release.offences {
            assert!(
                !release.environment.dropped.contains(variable),
                "{release}: {offence:?}"
            );
        }
    }
}
