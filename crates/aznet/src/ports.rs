//! The ports that a network's URLs have on this machine at every `up`: in a row, from a base.

use std::io::ErrorKind;
use std::net::TcpListener;

use aznet_cluster::machine::ports::listener;

use crate::failure::Failure;

/// What has a port, in the order of the ports. What comes later is put at the end, so that nobody's port changes.
const ORDER: [&str; 7] = [
    "PXE_URL",
    "AZTEC_NODE_URL",
    "ETHEREUM_HOSTS",
    "AZTEC_ADMIN_URL",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "PROMETHEUS_URL",
    "GRAFANA_URL",
];

/// How many ports there are.
const COUNT: u16 = 7;

/// The port of a URL; `None` of one that has no place in the row.
pub(crate) fn port(base: u16, variable: &str) -> Option<u16> {
    (base..base.saturating_add(COUNT))
        .zip(ORDER)
        .find_map(|(port, name)| (name == variable).then_some(port))
}

/// Reads a base: all ports must exist, and need no privilege.
pub(crate) fn base(text: &str) -> Result<u16, String> {
    const LEAST: u16 = 1_024;
    const MOST: u16 = u16::MAX - COUNT + 1;
    match text.parse() {
        Ok(base) if (LEAST..=MOST).contains(&base) => Ok(base),
        _ => Err(format!("expected a port from {LEAST} to {MOST}")),
    }
}

/// Checks that the ports are free; what process `own` has is.
pub(crate) fn check(base: u16, own: Option<i32>) -> Result<(), Failure> {
    for port in base..base.saturating_add(COUNT) {
        let taken = TcpListener::bind(("127.0.0.1", port))
            .is_err_and(|error| error.kind() == ErrorKind::AddrInUse);
        let holder = if taken { listener(port) } else { None };
        let ours = own.is_some() && holder.as_ref().map(|holder| holder.pid) == own;
        if taken && !ours {
            return Err(Failure::PortTaken {
                port,
                base,
                count: COUNT,
                holder: holder.map(|holder| holder.to_string()),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_url_has_a_port_of_its_own() {
        assert_eq!(port(9_000, "PXE_URL"), Some(9_000));
        assert_eq!(port(9_000, "GRAFANA_URL"), Some(9_006));
        assert_eq!(port(9_000, "ELSE"), None);
        assert_eq!(usize::from(COUNT), ORDER.len());
    }

    #[test]
    fn all_ports_of_a_row_exist() {
        assert_eq!(base("65529"), Ok(65_529));
        for text in ["65530", "80", "0", "x", "-1", "70000"] {
            assert!(base(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_port_that_is_taken_is_named_with_who_has_it() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let error = check(port, None).unwrap_err().to_string();
        let me = std::process::id();
        assert!(
            error.contains(&format!("port {port} is in use by process {me}")),
            "{error}"
        );
        let own = i32::try_from(me).unwrap();
        // Others may have the ports after it.
        let others = check(port, Some(own)).err().map(|error| error.to_string());
        assert!(others.is_none_or(|error| !error.contains(&format!("port {port} "))));
    }
}
