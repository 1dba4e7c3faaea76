use super::*;
use crate::test::Class;

fn profiles(text: &str) -> Result<Profiles, ProfileError> {
    Profiles::read(Some((".config/aznet.toml", text)))
}

fn profile(text: &str, name: &str) -> Profile {
    profiles(text)
        .and_then(|all| all.get(name))
        .unwrap_or_else(|error| panic!("{error}"))
}

fn test(name: &str) -> Test {
    Test::new("small", name, "", |_| async { Ok(()) }).class(Class::Observe)
}

#[test]
fn what_is_built_in_can_be_read() {
    let built_in = Profiles::read(None).unwrap();
    for name in ["default", "pr", "nightly", "release"] {
        let profile = built_in.get(name).unwrap();
        assert_eq!(profile.capacity.get(), 4, "{name}");
    }
    let release = built_in.get("release").unwrap();
    assert_eq!(release.leaks, Leaks::Fail);
    assert_eq!(release.settle(test("a")).retries, 0);
    assert_eq!(
        built_in.get("nightly").unwrap().settle(test("a")).retries,
        1
    );
}

#[test]
fn a_profile_has_what_it_inherits_and_the_file_goes_first() {
    let text = "
        [profile.default]
        capacity = 8
        [profile.nightly]
        fail-fast = { max-fail = 3 }
        [profile.weekly]
        inherits = 'nightly'
        filter = 'tag(long)'
    ";
    let weekly = profile(text, "weekly");
    assert_eq!(
        weekly.filter.as_ref().map(ToString::to_string),
        Some("tag(long)".to_owned())
    );
    assert_eq!(weekly.max_fail.map(NonZeroUsize::get), Some(3));
    assert_eq!((weekly.capacity.get(), weekly.leaks), (8, Leaks::Fail));
    assert_eq!(weekly.settle(test("a")).retries, 1);
    assert_eq!(profile(text, "pr").capacity.get(), 8);
    assert_eq!(
        profile("[profile.pr]\nfail-fast = true", "pr").max_fail,
        Some(NonZeroUsize::MIN)
    );
    assert_eq!(
        profile(text, "release").max_fail.map(NonZeroUsize::get),
        Some(3)
    );
}

#[test]
fn the_first_override_that_has_a_setting_decides() {
    let text = "
        [profile.default]
        retries = 1
        slow-timeout = { period = '30s' }
        [[profile.default.overrides]]
        filter = 'test(transfer)'
        retries = 5
        [[profile.pr.overrides]]
        filter = 'test(transfer)'
        slow-timeout = { period = '2m', terminate-after = 3 }
        [[profile.pr.overrides]]
        filter = 'all()'
        weight = 2
        slow-timeout = { period = '1m', terminate-after = 2 }
    ";
    let pr = profile(text, "pr");
    let transfer = pr.settle(test("transfer"));
    assert_eq!((transfer.retries, transfer.weight), (5, 2));
    assert_eq!(
        (transfer.slow_after, transfer.deadline),
        (Duration::from_mins(2), Duration::from_mins(6))
    );
    let other = pr.settle(test("other"));
    assert_eq!((other.retries, other.deadline), (1, Duration::from_mins(2)));
    let default = profile(text, "default").settle(test("other"));
    assert_eq!(
        (default.slow_after, default.deadline),
        (Duration::from_secs(30), test("other").deadline)
    );
}

#[test]
fn mistakes_are_named_with_file_and_line() {
    let texts = [
        "[profile.pr]\nretrys = 1",
        "[profiles.pr]",
        "[profile.pr]\nretries = -1",
        "[profile.pr]\nfilter = 'tst(a)'",
        "[profile.pr]\nfail-fast = 3",
        "[profile.pr]\nfail-fast = { max-fail = 0 }",
        "[profile.pr]\nslow-timeout = { period = '60' }",
        "[profile.pr]\nleaks = 'ignore'",
        "[[profile.pr.overrides]]\nretries = 1",
        "[profile.pr",
    ];
    let shown: Vec<String> = texts
        .iter()
        .map(|text| {
            let error = profiles(text).unwrap_err();
            let source = std::error::Error::source(&error).map(ToString::to_string);
            format!("{error}: {}", source.unwrap_or_default())
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n\n"));
}

#[test]
fn unknown_profiles_and_circles_are_refused() {
    let error = profiles("").unwrap().get("nigthly").unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no profile `nigthly`; there are `default`, `nightly`, `pr`, `release`"
    );
    assert!(
        matches!(error, ProfileError::Unknown { nearest: Some(near), .. } if near == "nightly")
    );
    let text =
        "[profile.a]\ninherits = 'b'\n[profile.b]\ninherits = 'a'\n[profile.c]\ninherits = 'd'";
    let all = profiles(text).unwrap();
    assert_eq!(
        all.get("a").unwrap_err().to_string(),
        "profiles inherit each other: a → b → a"
    );
    let unknown = all.get("c").unwrap_err().to_string();
    assert!(
        unknown.starts_with("there is no profile `d`, which `c` inherits;"),
        "{unknown}"
    );
}
