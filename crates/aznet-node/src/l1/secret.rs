//! URLs and API keys of the L1 that come from a Secret: files of a directory, each a list with commas or line breaks
//! between. What they hold is never printed.

use std::fmt;
use std::path::{Path, PathBuf};

use aznet_kit::files::{self, FileError};
use aznet_model::config::NetworkConfig;
use thiserror::Error;

use crate::console::say;

/// Why the Secret can't be used.
#[derive(Debug, Error)]
pub(crate) enum SecretError {
    /// A file can't be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no URL in it.
    #[error(
        "the Secret of l1.existingSecret has no URL in its key executionUrls (looked for in {0})"
    )]
    NoUrl(PathBuf),
    /// An entry is no URL. The entry isn't told: it may hold an API key.
    #[error(
        "entry {number} of the key {key} in the Secret of l1.existingSecret is no URL that begins with http:// or https://"
    )]
    NotAUrl {
        /// The Secret's key.
        key: &'static str,
        /// Position in the list, from 1.
        number: usize,
    },
    /// Keys and URLs don't match.
    #[error(
        "the Secret of l1.existingSecret has {seen} entries in {key} for {urls} in consensusUrls: expected one for each"
    )]
    Count {
        /// The Secret's key.
        key: &'static str,
        /// Entries in it.
        seen: usize,
        /// Consensus URLs.
        urls: usize,
    },
}

/// API keys of the consensus clients, and the headers they go into, one for each URL. `Debug` hides them.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct ApiKeys {
    /// Keys.
    pub(crate) keys: Vec<String>,
    /// Names of headers; none: Aztec puts the key into the URL.
    pub(crate) headers: Vec<String>,
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKeys({})", self.keys.len())
    }
}

/// Puts the Secret's URLs into the configuration, where the chart mounted one; returns its API keys.
pub(crate) fn apply(config: &mut NetworkConfig, dir: &Path) -> Result<ApiKeys, SecretError> {
    if !dir.is_dir() {
        return Ok(ApiKeys::default());
    }
    let execution = urls(dir, "executionUrls")?;
    if execution.is_empty() {
        return Err(SecretError::NoUrl(dir.join("executionUrls")));
    }
    let consensus = urls(dir, "consensusUrls")?;
    let traces = urls(dir, "traceUrls")?;
    let keys = ApiKeys {
        keys: list(dir, "consensusApiKeys")?,
        headers: list(dir, "consensusApiKeyHeaders")?,
    };
    for (key, seen) in [
        ("consensusApiKeys", keys.keys.len()),
        ("consensusApiKeyHeaders", keys.headers.len()),
    ] {
        let urls = consensus.len();
        if seen > 0 && seen != urls {
            return Err(SecretError::Count { key, seen, urls });
        }
    }
    say(format_args!(
        "the L1's URLs come from a Secret: {} of execution clients, {} of consensus clients, {} for traces, {} API keys",
        execution.len(),
        consensus.len(),
        traces.len(),
        keys.keys.len()
    ));
    config.l1.execution_urls = execution;
    config.l1.consensus_urls = consensus;
    config.l1.trace_urls = traces;
    Ok(keys)
}

fn urls(dir: &Path, key: &'static str) -> Result<Vec<String>, SecretError> {
    let urls = list(dir, key)?;
    let bad = urls.iter().position(|url| {
        let rest = url
            .strip_prefix("https://")
            .or_else(|| url.strip_prefix("http://"));
        rest.is_none_or(|rest| rest.is_empty() || rest.contains(char::is_whitespace))
    });
    match bad {
        Some(at) => Err(SecretError::NotAUrl {
            key,
            number: at + 1,
        }),
        None => Ok(urls),
    }
}

fn list(dir: &Path, key: &str) -> Result<Vec<String>, FileError> {
    let text = files::read_text_if_there(&dir.join(key))?.unwrap_or_default();
    let entries = text.split([',', '\n']).map(str::trim);
    Ok(entries
        .filter(|entry| !entry.is_empty())
        .map(str::to_owned)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::config;

    fn secret(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("temporary directory");
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).expect("writes");
        }
        dir
    }

    #[test]
    fn lists_take_commas_and_lines() {
        let dir = secret(&[
            (
                "executionUrls",
                "https://a.example/KEY,\nhttps://b.example\n",
            ),
            ("consensusUrls", "https://c.example"),
            ("traceUrls", "https://t.example/KEY\n"),
            ("consensusApiKeys", "s3cret\n"),
        ]);
        let mut config = config();
        let keys = apply(&mut config, dir.path()).expect("a good Secret");
        assert_eq!(
            config.l1.execution_urls,
            ["https://a.example/KEY", "https://b.example"]
        );
        assert_eq!(config.l1.consensus_urls, ["https://c.example"]);
        assert_eq!(config.l1.trace_urls, ["https://t.example/KEY"]);
        assert_eq!((keys.keys.len(), keys.headers.len()), (1, 0));
        assert_eq!(format!("{keys:?}"), "ApiKeys(1)");
    }

    #[test]
    fn without_a_secret_nothing_changes() {
        let (mut changed, dir) = (config(), secret(&[]));
        let keys = apply(&mut changed, &dir.path().join("none")).expect("no Secret");
        assert_eq!((changed, keys), (config(), ApiKeys::default()));
    }

    #[test]
    fn what_is_wrong_is_told_without_what_it_holds() {
        for (files, part) in [
            (vec![], "no URL in its key executionUrls"),
            (
                vec![("executionUrls", "https://a.example,wss://KEY")],
                "entry 2 of the key executionUrls",
            ),
            (
                vec![
                    ("executionUrls", "https://a.example"),
                    ("consensusUrls", "https://b.example"),
                    ("consensusApiKeys", "KEY,KEY"),
                ],
                "2 entries in consensusApiKeys for 1",
            ),
        ] {
            let dir = secret(&files);
            let error = apply(&mut config(), dir.path())
                .expect_err("a bad Secret")
                .to_string();
            assert!(error.contains(part), "{error}");
            assert!(!error.contains("KEY"), "{error}");
        }
    }
}
