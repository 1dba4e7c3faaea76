//! Values that the chart takes from Secrets into the environment. A Secret that was made from a file often ends in a
//! line break, which no server takes for part of a credential.

use thiserror::Error;

use crate::console::say;

/// The hash of the admin API's key, as Aztec takes it.
const ADMIN_KEY_HASH: &str = "AZTEC_ADMIN_API_KEY_HASH";

/// The variables, and where the chart has their values from.
const FROM_SECRETS: [(&str, &str); 4] = [
    (
        ADMIN_KEY_HASH,
        "the key apiKeyHash of the Secret adminApi.existingSecret",
    ),
    (
        "AWS_ACCESS_KEY_ID",
        "the key accessKeyId of the Secret blobStore.existingSecret",
    ),
    (
        "AWS_SECRET_ACCESS_KEY",
        "the key secretAccessKey of the Secret blobStore.existingSecret",
    ),
    (
        "OTEL_EXPORTER_OTLP_HEADERS",
        "the key headers of the Secret telemetry.collector.existingSecret",
    ),
];

/// Why a credential can't be used. Nothing of it is told.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum CredentialError {
    /// White space within.
    #[error("{from} ({variable}) has a line break or blank in the middle: it must be one word")]
    Torn {
        /// The variable.
        variable: &'static str,
        /// Where its value is from.
        from: &'static str,
    },
    /// White space around.
    #[error(
        "the key {key} of the Secret {secret} begins or ends with a line break or blank, which would be taken for part of the credential: make the Secret anew without it (`printf %s`, not `echo`)"
    )]
    Surrounded {
        /// The Secret.
        secret: String,
        /// Its key.
        key: String,
    },
    /// Not a hash.
    #[error("{from} ({variable}) is not a SHA-256 hash: 64 hexadecimal digits")]
    NotAHash {
        /// The variable.
        variable: &'static str,
        /// Where its value is from.
        from: &'static str,
    },
}

/// A variable that is read by a program of someone else's, and the Secret that its value is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    variable: String,
    secret: String,
    key: String,
}

impl Source {
    /// Reads `VARIABLE=SECRET/KEY`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split_once('=').and_then(|(variable, from)| {
            let (secret, key) = from.split_once('/')?;
            Some([variable, secret, key].map(str::to_owned))
        });
        let [variable, secret, key] = parts.ok_or("expected VARIABLE=SECRET/KEY")?;
        Ok(Self {
            variable,
            secret,
            key,
        })
    }

    /// # Errors
    /// [`CredentialError::Surrounded`] where what `value` reads for the variable has white space around it.
    pub(crate) fn check(
        &self,
        value: impl Fn(&str) -> Option<String>,
    ) -> Result<(), CredentialError> {
        match value(&self.variable) {
            Some(value) if value.trim() != value => Err(CredentialError::Surrounded {
                secret: self.secret.clone(),
                key: self.key.clone(),
            }),
            _ => Ok(()),
        }
    }
}

/// Whether the chart gave the hash of the admin API's key.
pub(crate) fn has_admin_key_hash() -> bool {
    std::env::var_os(ADMIN_KEY_HASH).is_some()
}

/// The variables whose values have to be given anew, without the white space around them; `value` reads a variable.
pub(crate) fn mended(
    value: impl Fn(&str) -> Option<String>,
) -> Result<Vec<(&'static str, String)>, CredentialError> {
    let mut mended = Vec::new();
    for (variable, from) in FROM_SECRETS {
        let Some(given) = value(variable) else {
            continue;
        };
        let word = given.trim();
        check(variable, from, word)?;
        if word != given {
            say(format_args!(
                "{from} has a line break or blanks around it, which are left out"
            ));
            mended.push((variable, word.to_owned()));
        }
    }
    Ok(mended)
}

fn check(variable: &'static str, from: &'static str, word: &str) -> Result<(), CredentialError> {
    let is_hash = word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    if variable == ADMIN_KEY_HASH && !is_hash {
        return Err(CredentialError::NotAHash { variable, from });
    }
    if variable.starts_with("AWS_") && word.contains(char::is_whitespace) {
        return Err(CredentialError::Torn { variable, from });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<Vec<(&'static str, String)>, CredentialError> {
        mended(|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn c18_a_line_break_at_the_end_of_a_secret_is_left_out() {
        let hash = "ab".repeat(32);
        let with_break = format!("{hash}\n");
        let mended = of(&[
            ("AZTEC_ADMIN_API_KEY_HASH", &with_break),
            ("AWS_ACCESS_KEY_ID", "testaccess\r\n"),
            ("AWS_SECRET_ACCESS_KEY", "testsecret1234"),
        ]);
        let expected = vec![
            ("AZTEC_ADMIN_API_KEY_HASH", hash),
            ("AWS_ACCESS_KEY_ID", "testaccess".to_owned()),
        ];
        assert_eq!(mended, Ok(expected));
    }

    #[test]
    fn c18_a_line_break_that_nobody_would_trim_is_refused_by_secret_and_key() {
        let source = Source::parse("ROOT_SECRET_KEY=nl-blobs/secretAccessKey").expect("parses");
        let with_break = |_: &str| Some("testsecret1234\n".to_owned());
        let error = source.check(with_break).expect_err("refused").to_string();
        assert!(
            error.contains("key secretAccessKey of the Secret nl-blobs"),
            "{error}"
        );
        assert!(!error.contains("testsecret1234"), "{error}");
        assert_eq!(source.check(|_| Some("testsecret1234".to_owned())), Ok(()));
        assert!(Source::parse("ROOT_SECRET_KEY").is_err());
    }

    #[test]
    fn what_no_trimming_mends_is_refused_by_secret_and_key() {
        for (variable, value, key) in [
            ("AZTEC_ADMIN_API_KEY_HASH", "a-test-key", "apiKeyHash"),
            ("AWS_SECRET_ACCESS_KEY", "two\nlines", "secretAccessKey"),
        ] {
            let error = of(&[(variable, value)]).expect_err("refused").to_string();
            assert!(
                error.contains(key) && error.contains("existingSecret"),
                "{error}"
            );
            assert!(!error.contains(value), "{error}");
        }
    }
}
