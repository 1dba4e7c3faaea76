//! What a pod finds out before its process starts; with the configuration, all that the environment is computed from.

use std::path::PathBuf;

use alloy_primitives::Address;
use aznet_model::config::NetworkConfig;

use crate::keys::bot::Account;
use crate::l1::secret::ApiKeys;
use crate::settings::Settings;

/// The findings.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inputs {
    /// Where peers find the pod.
    pub(crate) announced: Option<Announced>,
    /// Where data stays.
    pub(crate) data: PathBuf,
    /// The registry; `None` for roles that need none.
    pub(crate) registry: Option<Address>,
    /// ENRs to join by.
    pub(crate) bootstrap: Vec<String>,
    /// Directory of the key store, where the role has keys.
    pub(crate) keystore: Option<PathBuf>,
    /// API keys of consensus clients.
    pub(crate) consensus_keys: ApiKeys,
    /// Whom a bot sends as.
    pub(crate) account: Option<Account>,
    /// Whether the chart gave the hash of the admin API's key.
    pub(crate) admin_key_hash: bool,
}

/// An address on which a pod can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Announced {
    /// IP address.
    pub(crate) ip: String,
    /// p2p port, where it is not the one that the pod listens on.
    pub(crate) port: Option<u16>,
}

/// Where peers find the pod: as its workload is exposed, else by the pod's own address.
pub(crate) fn announced(config: &NetworkConfig, settings: &Settings) -> Option<Announced> {
    let exposed = settings
        .workload()
        .and_then(|workload| config.announce.get(&workload));
    let Some(exposed) = exposed else {
        return settings
            .pod_ip
            .clone()
            .map(|ip| Announced { ip, port: None });
    };
    let ordinal = settings.pod().ordinal;
    let ip = exposed.ips.get(&ordinal).or(exposed.ip.as_ref());
    let ip = ip.or(settings.host_ip.as_ref())?.clone();
    let step = u16::try_from(ordinal).unwrap_or(u16::MAX);
    let port = if exposed.port_per_pod {
        exposed.port.saturating_add(step)
    } else {
        exposed.port
    };
    Some(Announced {
        ip,
        port: Some(port),
    })
}

#[cfg(test)]
mod tests {
    use aznet_model::config::Announce;

    use super::*;
    use crate::config::tests::config;

    fn of(pod: &str, exposed: Announce) -> Option<Announced> {
        let mut config = config();
        config.announce.insert("validator-slow".into(), exposed);
        announced(&config, &Settings::of_pod(pod))
    }

    #[expect(clippy::unnecessary_wraps, reason = "compared with what may be none")]
    fn place(ip: &str, port: Option<u16>) -> Option<Announced> {
        Some(Announced {
            ip: ip.into(),
            port,
        })
    }

    #[test]
    fn a_pod_announces_the_way_that_leads_to_it() {
        let by_machine = Announce {
            ip: None,
            ips: [].into(),
            port: 30400,
            port_per_pod: true,
        };
        let by_address = Announce {
            ip: Some("203.0.113.1".into()),
            ips: [(1, "203.0.113.7".into())].into(),
            port: 40400,
            port_per_pod: false,
        };
        assert_eq!(
            of("validator-slow-2", by_machine.clone()),
            place("192.0.2.1", Some(30402))
        );
        assert_eq!(
            of("validator-slow-1", by_address.clone()),
            place("203.0.113.7", Some(40400))
        );
        assert_eq!(
            of("validator-slow-0", by_address),
            place("203.0.113.1", Some(40400))
        );
        assert_eq!(of("validator-2", by_machine), place("10.1.2.3", None));
    }
}
