//! Clients of a cluster's API: to an embedded one straight, to one of the user's own as kubectl would go.

use std::env;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};

/// There is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The file or the context in it is not usable.
    #[error("no usable kubeconfig for context `{context}`; check `kubectl config get-contexts`")]
    Kubeconfig {
        /// The context asked for.
        context: String,
        /// What kube says.
        #[source]
        source: KubeconfigError,
    },
    /// A kubeconfig that aznet wrote is not as it should be.
    #[error("{} is damaged: {problem}; `aznet cluster up` writes it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The proxy can't be used.
    #[error("proxy `{given}` for context `{context}` is no URL")]
    Proxy {
        /// The context asked for.
        context: String,
        /// As the kubeconfig or the environment names it.
        given: String,
    },
    /// The client could not be made from it.
    #[error("no Kubernetes client for context `{context}`")]
    Client {
        /// The context asked for.
        context: String,
        /// What kube says.
        #[source]
        source: kube::Error,
    },
}

/// A client of a cluster on this machine, by the only context of a kubeconfig that aznet wrote. No proxy is asked,
/// whatever the environment says.
pub(crate) fn direct(context: &str, kubeconfig: &Path) -> Result<kube::Client, ClientError> {
    client(context, direct_config(context, kubeconfig)?)
}

/// Not by kube's own reading of kubeconfigs: that looks at the environment's proxies.
fn direct_config(context: &str, path: &Path) -> Result<Config, ClientError> {
    let file = Kubeconfig::read_from(path).map_err(|source| ClientError::Kubeconfig {
        context: context.to_owned(),
        source,
    })?;
    let damaged = |problem: &str| ClientError::Damaged {
        path: path.to_owned(),
        problem: problem.to_owned(),
    };
    let first = file
        .clusters
        .first()
        .and_then(|named| named.cluster.as_ref());
    let cluster = first.ok_or_else(|| damaged("it names no cluster"))?;
    let server = cluster.server.as_deref().unwrap_or_default();
    let server = server
        .parse()
        .map_err(|_| damaged("its server is no URL"))?;
    let authority = match (
        &cluster.certificate_authority_data,
        &cluster.certificate_authority,
    ) {
        (Some(data), _) => BASE64.decode(data).ok(),
        (None, Some(file)) => std::fs::read(file).ok(),
        (None, None) => None,
    };
    let authority = authority.and_then(|text| pem::parse(text).ok());
    let authority = authority.ok_or_else(|| damaged("its certificate authority can't be read"))?;
    let user = file.auth_infos.into_iter().next();
    let user = user.and_then(|named| named.auth_info);
    let mut config = Config::new(server);
    config.root_cert = Some(vec![authority.into_contents()]);
    config.auth_info = user.ok_or_else(|| damaged("it names no user"))?;
    Ok(config)
}

/// A client by a context of the user's kubeconfig, through the proxy that kubectl would use.
pub(crate) async fn of_context(context: &str) -> Result<kube::Client, ClientError> {
    let unusable = |source| ClientError::Kubeconfig {
        context: context.to_owned(),
        source,
    };
    let options = KubeConfigOptions {
        context: Some(context.to_owned()),
        ..KubeConfigOptions::default()
    };
    let file = Kubeconfig::read().map_err(unusable)?;
    let named = proxy_url(&file, context);
    let config = Config::from_custom_kubeconfig(file, &options).await;
    let mut config = config.map_err(unusable)?;
    let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    // kube holds NO_PROXY against the proxy instead of the server.
    let proxy = proxy_for(&config.cluster_url, named, variable);
    config.proxy_url = proxy.map_err(|given| ClientError::Proxy {
        context: context.to_owned(),
        given,
    })?;
    client(context, config)
}

fn client(context: &str, config: Config) -> Result<kube::Client, ClientError> {
    kube::Client::try_from(config).map_err(|source| ClientError::Client {
        context: context.to_owned(),
        source,
    })
}

/// The proxy that the kubeconfig names for the cluster of a context.
fn proxy_url(file: &Kubeconfig, context: &str) -> Option<String> {
    let contexts = &file.contexts;
    let named = contexts.iter().find(|named| named.name == context)?;
    let cluster = &named.context.as_ref()?.cluster;
    let named = file.clusters.iter().find(|named| named.name == *cluster)?;
    let url = named.cluster.as_ref()?.proxy_url.clone()?;
    Some(url).filter(|url| !url.is_empty())
}

/// The proxy to the API at `server`: the one that the kubeconfig names, else that of the environment unless it exempts
/// the server. The error is what is no URL.
fn proxy_for(
    server: &Uri,
    named: Option<String>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Uri>, String> {
    let either = |upper: &str| variable(upper).or_else(|| variable(&upper.to_lowercase()));
    let Some(proxy) = named.or_else(|| {
        let proxy = either("HTTPS_PROXY")?;
        let exempt = either("NO_PROXY").unwrap_or_default();
        let rules = Matcher::builder().all("http://proxy").no(exempt).build();
        let is_proxied = !is_here(server) && rules.intercept(server).is_some();
        is_proxied.then_some(proxy)
    }) else {
        return Ok(None);
    };
    let url = if proxy.contains("://") {
        proxy.clone()
    } else {
        format!("http://{proxy}")
    };
    url.parse().map(Some).map_err(|_| proxy)
}

/// As in Go's programs, what runs on this machine is never asked for through a proxy.
fn is_here(server: &Uri) -> bool {
    let host = server.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(server: &str, named: Option<&str>, env: &[(&str, &str)]) -> Option<String> {
        let variable = |name: &str| {
            let found = env.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let server = server.parse().unwrap();
        let found = proxy_for(&server, named.map(str::to_owned), variable).unwrap();
        found.map(|uri| uri.to_string())
    }

    #[test]
    fn c01_a_cluster_of_the_user_s_own_is_reached_as_kubectl_would() {
        let server = "https://api.example.org:6443";
        let upper = ("HTTPS_PROXY", "http://proxy:3128");
        let lower = ("https_proxy", "proxy:3128");
        let through = Some("http://proxy:3128/".to_owned());
        assert_eq!(proxy(server, None, &[]), None);
        assert_eq!(proxy(server, None, &[upper]), through);
        assert_eq!(proxy(server, None, &[lower]), through);
        for exempt in [".example.org", "api.example.org", "*", "x, example.org,"] {
            let env = [upper, ("NO_PROXY", exempt)];
            assert_eq!(proxy(server, None, &env), None, "{exempt}");
        }
        let env = [upper, ("no_proxy", "proxy,other.org")];
        assert_eq!(proxy(server, None, &env), through);
        assert_eq!(proxy("https://127.0.0.1:6443", None, &[upper]), None);
        let env = [upper, ("NO_PROXY", "10.0.0.0/8")];
        assert_eq!(proxy("https://10.1.2.3:6443", None, &env), None);
        let socks = Some("socks5://127.0.0.1:1080");
        let env = [upper, ("NO_PROXY", "*")];
        assert_eq!(
            proxy(server, socks, &env).as_deref(),
            Some("socks5://127.0.0.1:1080/")
        );
    }

    #[tokio::test]
    async fn c01_clients_through_http_and_socks_proxies_can_be_made() {
        for proxy in ["http://127.0.0.1:9", "socks5://127.0.0.1:9"] {
            let mut config = Config::new("https://api.example.org".parse().unwrap());
            config.proxy_url = Some(proxy.parse().unwrap());
            client("x", config).unwrap();
        }
    }

    const INNER: &str = "provider::client::tests::an_embedded_cluster_under_a_proxy";

    #[test]
    fn c01_an_embedded_cluster_never_uses_a_proxy() {
        let tests = env::current_exe().unwrap();
        let inner = std::process::Command::new(tests)
            .args(["--exact", INNER, "--ignored"])
            .env("HTTPS_PROXY", "no url at all")
            .env("NO_PROXY", "<nor this>,")
            .output()
            .unwrap();
        let output = String::from_utf8_lossy(&inner.stdout).into_owned();
        assert!(output.contains("1 passed"), "{output}");
    }

    #[tokio::test]
    #[ignore = "run by the test above, with other variables"]
    async fn an_embedded_cluster_under_a_proxy() {
        let dir = tempfile::tempdir().unwrap();
        let paths = crate::paths::Paths::new(dir.path(), dir.path(), dir.path());
        let kubeconfig = crate::provider::embedded::test_kubeconfig(&paths, "a");
        let config = direct_config("aznet-a", &kubeconfig).unwrap();
        assert_eq!(config.proxy_url, None);
        direct("aznet-a", &kubeconfig).unwrap();
    }
}
