use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use proptest::prelude::*;

use super::*;

fn redacted(secrets: &[&str], text: &str) -> String {
    let secrets: Vec<Secret> = secrets
        .iter()
        .map(|value| Secret::named("a/b", value.as_bytes()))
        .collect();
    Redactor::new(&secrets).redact(text).0
}

#[test]
fn a_mnemonic_is_taken_out_of_a_log() {
    let mnemonic = "legal winner thank year wave sausage worth useful legal winner thank yellow";
    let text = format!("keys from \"{mnemonic}\"\n");
    assert_eq!(redacted(&[mnemonic], &text), "keys from \"[redacted]\"\n");
    assert_eq!(
        redacted(&[&format!("{mnemonic}\n")], &text),
        "keys from \"[redacted]\"\n"
    );
}

#[test]
fn keys_are_found_with_and_without_prefix_and_in_either_case() {
    let key = "0xAb12cdef34567890ab12cdef34567890ab12cdef34567890ab12cdef34567890";
    let digits = &key[2..];
    let text = format!("{key} {} {}", digits.to_lowercase(), digits.to_uppercase());
    assert_eq!(redacted(&[key], &text), "[redacted] [redacted] [redacted]");
}

#[test]
fn each_key_of_a_file_of_keys_is_a_secret_and_addresses_are_not() {
    let key = "1".repeat(64);
    let address = format!("0x{}", "a".repeat(40));
    let file = format!(
        r#"{{"validators": [{{"attester": {{"eth": "0x{key}"}}, "coinbase": "{address}"}}]}}"#
    );
    let text = format!("{key} of {address}");
    assert_eq!(
        redacted(&[&file], &text),
        format!("[redacted] of {address}")
    );
    let lines = format!("A=0x{key}\nB={address}\n");
    assert_eq!(
        redacted(&[&lines], &text),
        format!("[redacted] of {address}")
    );
}

#[test]
fn what_a_url_carries_is_a_secret() {
    let url =
        "https://user:pass-word-of-mine@host.example/v3/0123456789abcdef?key=fedcba9876543210";
    for text in ["pass-word-of-mine", "0123456789abcdef", "fedcba9876543210"] {
        assert_eq!(redacted(&[url], text), "[redacted]");
    }
    assert_eq!(redacted(&[url], "host.example"), "host.example");
}

/// Where no right to Secrets tells what they are.
#[test]
fn what_stands_after_the_name_of_a_credential_is_one() {
    let words = "legal winner thank year wave sausage worth useful legal winner thank yellow";
    for (text, without) in [
        (
            "PUBLISHER_PRIVATE_KEY=0x1234567890 next",
            "PUBLISHER_PRIVATE_KEY=[redacted] next",
        ),
        (
            r#"{"adminApiKey":"abcdefgh","port":8080}"#,
            r#"{"adminApiKey":"[redacted]","port":8080}"#,
        ),
        (
            r#"\"password\": \"abcdefgh\","#,
            r#"\"password\": \"[redacted]\","#,
        ),
        (
            "keyStorePassword: 'abcdefgh'",
            "keyStorePassword: '[redacted]'",
        ),
        (
            "VALIDATOR_PRIVATE_KEYS=0x12345678,0x9abcdef0 next",
            "VALIDATOR_PRIVATE_KEYS=[redacted] next",
        ),
        (
            r#"{"publisherPrivateKeys":["0x12345678", "0x9abcdef0"],"port":1}"#,
            r#"{"publisherPrivateKeys":["[redacted]"],"port":1}"#,
        ),
        (
            "AWS_SECRET_ACCESS_KEY=abc/defgh secretAccessKey: 'abcdefgh'",
            "AWS_SECRET_ACCESS_KEY=[redacted] secretAccessKey: '[redacted]'",
        ),
        ("password=abc,defgh x", "password=[redacted] x"),
        ("GITHUB_AUTH_TOKEN=abcdefgh", "GITHUB_AUTH_TOKEN=[redacted]"),
    ] {
        assert_eq!(redacted(&[], text), without);
    }
    let told = redacted(&[], &format!("MNEMONIC={words}\nnext line"));
    assert_eq!(told, "MNEMONIC=[redacted]\nnext line");
    for told in [
        "PRIVATE_KEY_FILE=/keys/validator.json",
        r#"{"privateKey":"/keys/validator.json"}"#,
        r#"{"name": "API_KEY", "valueFrom": {"secretKeyRef": {"key": "apiKey"}}}"#,
        "no private key: too short",
        r#"{"privateKeys":[],"apiKeys":["[redacted]"]}"#,
        "token=0x2a2a2a2a2a2a2a2a",
    ] {
        assert_eq!(redacted(&[], told), told);
    }
}

#[test]
fn credentials_are_known_by_their_looks() {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl";
    for (text, without) in [
        ("https://a:b@host/x".to_owned(), "https://[redacted]@host/x"),
        ("https://host/@aztec/x".to_owned(), "https://host/@aztec/x"),
        (
            "Authorization: Bearer abcdefghijkl".to_owned(),
            "Authorization: Bearer [redacted]",
        ),
        (format!("token {jwt} x"), "token [redacted] x"),
        (
            "l1 https://mainnet.example/v3/0123456789abcdef0123, block 7".to_owned(),
            "l1 https://mainnet.example/v3/[redacted], block 7",
        ),
        (
            "https://registry.example/v2/aztec/manifests".to_owned(),
            "https://registry.example/v2/aztec/manifests",
        ),
        (
            "-----BEGIN EC PRIVATE KEY-----\nabc\n-----END EC PRIVATE KEY-----\n".to_owned(),
            "[redacted]\n",
        ),
    ] {
        assert_eq!(redacted(&[], &text), without);
    }
}

#[test]
fn short_values_are_taken_out_only_as_words() {
    assert_eq!(
        redacted(&["pass"], "password pass=pass"),
        "password [redacted]=[redacted]"
    );
    assert_eq!(redacted(&["ab"], "ab"), "ab");
    assert!(Secret::named("a/b", b"ab\n").is_too_short());
}

#[test]
fn what_is_taken_out_leaves_nothing_that_was_split() {
    let (inner, outer) = ("inner-secret", "outer-[redacted]-secret");
    let text = "outer-inner-secret-secret";
    assert_eq!(redacted(&[inner, outer], text), "[redacted]");
}

proptest! {
    /// Wherever a secret stands in a text, in any of its forms, it is not there any more.
    #[test]
    fn planted_secrets_are_never_found(
        secret in "[a-zA-Z0-9!#$%&*+/=?_-]{8,40}",
        before in "[a-z {}\":,\n]{0,20}",
        after in "[a-z {}\":,\n]{0,20}",
        shift in "[a-z]{0,4}",
    ) {
        let bytes = format!("{shift}{secret}{after}");
        let forms = [
            secret.clone(),
            STANDARD.encode(&secret),
            URL_SAFE.encode(&secret),
            form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
            serde_json::to_string(&secret).unwrap(),
            format!("https://u:{secret}@h/"),
        ];
        for form in &forms {
            let text = format!("{before}{form}{after}");
            let without = redacted(&[&secret], &text);
            prop_assert!(!without.contains(&secret), "{form:?} in {text:?} became {without:?}");
            let core = form.trim_matches(['"', '=']);
            prop_assert!(!without.contains(core), "{form:?} in {text:?} became {without:?}");
        }
        // In the base64 of something longer.
        let longer = STANDARD.encode(&bytes);
        let without = redacted(&[&secret], &longer);
        prop_assert!(without.contains(TAKEN_OUT), "{secret:?} in {longer:?} became {without:?}");
    }
}
