//! URLs may carry API keys; only what names the server is printed.

/// `scheme://host:port` of a URL, without user, path and query.
///
/// A URL without a scheme is returned as it is up to the first `/`.
pub(crate) fn url(url: &str) -> String {
    let (scheme, rest) = url
        .split_once("://")
        .map_or(("", url), |(scheme, rest)| (scheme, rest));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    if scheme.is_empty() {
        host.to_owned()
    } else {
        format!("{scheme}://{host}")
    }
}

#[cfg(test)]
mod tests {
    use super::url;

    #[test]
    fn drops_everything_that_can_hold_a_secret() {
        assert_eq!(
            url("https://user:pw@rpc.example:443/v2/KEY?apikey=K#x"),
            "https://rpc.example:443"
        );
        assert_eq!(url("http://anvil:8545"), "http://anvil:8545");
        assert_eq!(url("anvil:8545/KEY"), "anvil:8545");
    }
}
