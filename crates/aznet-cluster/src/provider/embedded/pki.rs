//! The cluster's keys and certificates. Made once, kept with the cluster's state; they do not expire within its life.

use std::net::{IpAddr, Ipv4Addr};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

use super::addresses::{API_ADDRESS, DOMAIN, NODE_ADDRESS};
use super::error::Error;
use super::layout::Layout;
use aznet_kit::files::{self, Access};

/// Members may do everything, whatever RBAC says.
const MASTERS: &str = "system:masters";

/// A certificate's subject and usage (client or server).
struct Subject {
    /// File names: `<file>.crt`, `<file>.key`.
    file: &'static str,
    /// The Kubernetes user name.
    user: String,
    /// The Kubernetes group.
    group: Option<&'static str>,
    /// Host names and addresses it serves as; none for a mere client.
    names: Vec<String>,
}

/// Makes what is missing.
pub(crate) fn ensure(layout: &Layout) -> Result<(), Error> {
    // Written last, so its presence means that all others are there.
    if layout.pki("complete").exists() {
        return Ok(());
    }
    files::make_dir(&layout.pki(""), Access::Private)?;
    let issuer = certificate_authority(layout)?;
    for subject in subjects(layout) {
        issue(layout, &issuer, &subject)?;
    }
    let signing = key("service-account")?;
    files::write(
        &layout.pki("service-account.key"),
        signing.serialize_pem(),
        Access::Private,
    )?;
    files::write(
        &layout.pki("service-account.pub"),
        signing.public_key_pem(),
        Access::Private,
    )?;
    Ok(files::write(&layout.pki("complete"), "", Access::Private)?)
}

fn subjects(layout: &Layout) -> Vec<Subject> {
    let client = |file, user: &str, group| Subject {
        file,
        user: user.to_owned(),
        group,
        names: Vec::new(),
    };
    let node = layout.node();
    vec![
        Subject {
            names: api_names(),
            ..client("apiserver", "kube-apiserver", None)
        },
        Subject {
            names: vec![node.clone(), NODE_ADDRESS.to_string()],
            ..client(
                "kubelet-server",
                &format!("system:node:{node}"),
                Some("system:nodes"),
            )
        },
        client(
            "kubelet",
            &format!("system:node:{node}"),
            Some("system:nodes"),
        ),
        client(
            "apiserver-kubelet",
            "kube-apiserver-kubelet-client",
            Some(MASTERS),
        ),
        client("admin", "kubernetes-admin", Some(MASTERS)),
        // Its controllers act under its own name: no token is asked for each of them at every start.
        client(
            "controller-manager",
            "system:kube-controller-manager",
            Some(MASTERS),
        ),
        client("scheduler", "system:kube-scheduler", None),
        client("proxy", "system:kube-proxy", None),
        // It reads everything that policies select by, and notes addresses on pods.
        client("calico", "calico-node", Some(MASTERS)),
    ]
}

fn api_names() -> Vec<String> {
    let addresses = [Ipv4Addr::LOCALHOST, NODE_ADDRESS, API_ADDRESS];
    let mut names: Vec<String> = addresses.map(|address| address.to_string()).into();
    let services = [
        "localhost".to_owned(),
        "kubernetes".to_owned(),
        "kubernetes.default".to_owned(),
        "kubernetes.default.svc".to_owned(),
        format!("kubernetes.default.svc.{DOMAIN}"),
    ];
    names.extend(services);
    names
}

fn certificate_authority(layout: &Layout) -> Result<Issuer<'static, KeyPair>, Error> {
    let key = key("ca")?;
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, format!("aznet-{}", layout.name()));
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    let certificate = params.self_signed(&key).map_err(certificate("ca"))?;
    files::write(&layout.pki("ca.crt"), certificate.pem(), Access::Private)?;
    files::write(&layout.pki("ca.key"), key.serialize_pem(), Access::Private)?;
    Ok(Issuer::new(params, key))
}

fn issue(layout: &Layout, issuer: &Issuer<'_, KeyPair>, subject: &Subject) -> Result<(), Error> {
    let key = key(subject.file)?;
    let signed = params(subject)?
        .signed_by(&key, issuer)
        .map_err(certificate(subject.file))?;
    let file = |extension| layout.pki(&format!("{}.{extension}", subject.file));
    files::write(&file("crt"), signed.pem(), Access::Private)?;
    Ok(files::write(
        &file("key"),
        key.serialize_pem(),
        Access::Private,
    )?)
}

fn params(subject: &Subject) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::default();
    let name = &mut params.distinguished_name;
    name.push(DnType::CommonName, subject.user.as_str());
    if let Some(group) = subject.group {
        name.push(DnType::OrganizationName, group);
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    if !subject.names.is_empty() {
        params
            .extended_key_usages
            .push(ExtendedKeyUsagePurpose::ServerAuth);
    }
    for name in &subject.names {
        let name = if let Ok(address) = name.parse::<IpAddr>() {
            SanType::IpAddress(address)
        } else {
            let name = name.as_str().try_into();
            SanType::DnsName(name.map_err(certificate(subject.file))?)
        };
        params.subject_alt_names.push(name);
    }
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn key(name: &str) -> Result<KeyPair, Error> {
    KeyPair::generate().map_err(certificate(name))
}

fn certificate(name: &str) -> impl FnOnce(rcgen::Error) -> Error {
    let name = name.to_owned();
    move |source| Error::Certificate { name, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::Paths;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn keys_are_private_and_made_only_once() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(&Paths::new(dir.path(), dir.path(), dir.path()), "a");
        ensure(&layout).unwrap();
        let key = layout.pki("admin.key");
        let first = fs::read(&key).unwrap();
        assert_eq!(
            fs::metadata(&key).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let dir_mode = fs::metadata(layout.pki("")).unwrap().permissions().mode();
        assert_eq!(dir_mode & 0o777, 0o700);
        ensure(&layout).unwrap();
        assert_eq!(fs::read(&key).unwrap(), first);
    }

    #[test]
    fn the_api_serves_under_every_name_it_is_called_by() {
        let names = api_names();
        for name in [
            "127.0.0.1",
            "10.96.0.1",
            "kubernetes.default.svc.cluster.local",
        ] {
            assert!(names.iter().any(|have| have == name), "{name}");
        }
    }
}
