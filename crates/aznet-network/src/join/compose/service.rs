//! A pod of the chart as services.

use std::collections::BTreeMap;

use aznet_model::role::Role;
use aznet_model::units::{Bytes, MilliCpu};
use k8s_openapi::api::core::v1::{
    Container, ContainerPort, EnvVar, PodSpec, PodTemplateSpec, Probe, Volume as PodVolume,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::error::ComposeError;
use super::file::{
    Credential, DependsOn, File, HealthCheck, Mount, Reached, Service, Source, Volume,
};
use super::known;
use crate::join::{Joiner, SECRETS};

/// What the chart's init container is called, and what makes the volumes its user's.
const INSTALL: &str = "install";
const VOLUMES: &str = "volumes";
/// The volume that it writes to: all pods' is the same.
const BIN: &str = "bin";

/// A pod on its way to services.
pub(super) struct Pod {
    workload: String,
    /// By which the chart's pods know each other.
    name: String,
    spec: PodSpec,
    claims: Vec<String>,
    joiner: Joiner,
}

/// A value as Compose takes it: `$` begins a variable there.
fn literal(text: &str) -> String {
    text.replace('$', "$$")
}

fn literals(words: Option<&Vec<String>>) -> Vec<String> {
    words
        .into_iter()
        .flatten()
        .map(|word| literal(word))
        .collect()
}

impl Pod {
    /// The one pod of a workload.
    pub(super) fn new(
        workload: Option<String>,
        replicas: Option<i32>,
        template: PodTemplateSpec,
        joiner: Joiner,
    ) -> Result<Self, ComposeError> {
        let workload = workload.unwrap_or_default();
        let pod = Self {
            name: workload.clone(),
            workload,
            spec: template.spec.unwrap_or_default(),
            claims: Vec::new(),
            joiner,
        };
        match (replicas, known::unknown(&pod.spec)) {
            (Some(1), None) => Ok(pod),
            (Some(1), Some(field)) => Err(pod.unsaid(field)),
            _ => Err(pod.unsaid(format!("{replicas:?} replicas"))),
        }
    }

    /// That of a StatefulSet.
    pub(super) fn numbered(self) -> Self {
        Self {
            name: format!("{}-0", self.workload),
            ..self
        }
    }

    /// With a volume for each claim.
    pub(super) fn claiming(self, claims: impl Iterator<Item = String>) -> Self {
        Self {
            claims: claims.collect(),
            ..self
        }
    }

    fn unsaid(&self, what: impl Into<String>) -> ComposeError {
        ComposeError::Unsaid {
            pod: self.name.clone(),
            what: what.into(),
        }
    }

    /// Adds the pod's services, volumes, secrets and credentials.
    pub(super) fn add_to(
        &self,
        file: &mut File,
        configs: &BTreeMap<String, String>,
        credentials: &mut BTreeMap<String, Vec<Credential>>,
    ) -> Result<(), ComposeError> {
        let (container, _) = self.containers()?;
        let mut service = self.service(container)?;
        self.environment(container, &mut service, credentials)?;
        self.mounts(container, &mut service, configs, file)?;
        service.ports = self.ports(container)?;
        service.healthcheck = self.health(container)?;
        service.restart = Some("unless-stopped");
        let grace = self.spec.termination_grace_period_seconds;
        service.stop_grace_period = grace.map(|seconds| format!("{seconds}s"));
        service.depends_on = [(INSTALL.to_owned(), DependsOn::COMPLETED)].into();
        let aliases = vec![format!("{}.{}", self.name, self.workload)];
        service.networks = [("default", Reached { aliases })].into();
        let security = self.spec.security_context.as_ref();
        let sysctls = security.and_then(|all| all.sysctls.as_ref());
        service.sysctls = sysctls
            .into_iter()
            .flatten()
            .map(|one| (one.name.clone(), one.value.clone()))
            .collect();
        file.services.insert(self.workload.clone(), service);
        Ok(())
    }

    /// The pod's container, and the one that installs the program for it.
    fn containers(&self) -> Result<(&Container, &Container), ComposeError> {
        let before = self.spec.init_containers.as_deref().unwrap_or_default();
        match (self.spec.containers.as_slice(), before) {
            ([container], [install]) if install.name == INSTALL => Ok((container, install)),
            _ => Err(self.unsaid("more than a container and its installation")),
        }
    }

    /// What all containers have.
    fn service(&self, container: &Container) -> Result<Service, ComposeError> {
        let security = container.security_context.clone().unwrap_or_default();
        let capabilities = security.capabilities.unwrap_or_default();
        let (mem_limit, cpus) = self.limits(container)?;
        Ok(Service {
            image: literal(container.image.as_deref().unwrap_or_default()),
            pull_policy: match container.image_pull_policy.as_deref() {
                Some("Always") => Some("always"),
                Some("Never") => Some("never"),
                _ => None,
            },
            entrypoint: literals(container.command.as_ref()),
            command: literals(container.args.as_ref()),
            user: self.user()?,
            read_only: security.read_only_root_filesystem == Some(true),
            cap_drop: capabilities.drop.unwrap_or_default(),
            cap_add: capabilities.add.unwrap_or_default(),
            security_opt: match security.allow_privilege_escalation {
                Some(false) => vec!["no-new-privileges:true"],
                _ => Vec::new(),
            },
            mem_limit,
            cpus,
            ..Service::default()
        })
    }

    fn user(&self) -> Result<String, ComposeError> {
        let security = self.spec.security_context.clone().unwrap_or_default();
        match (security.run_as_user, security.run_as_group) {
            (Some(user), Some(group)) => Ok(format!("{user}:{group}")),
            _ => Err(self.unsaid("a pod without a user")),
        }
    }

    fn limits(
        &self,
        container: &Container,
    ) -> Result<(Option<String>, Option<String>), ComposeError> {
        let limits = container.resources.clone().unwrap_or_default().limits;
        let limits = limits.unwrap_or_default();
        let wrong = |_| self.unsaid(format!("{limits:?}"));
        let bytes: Option<Bytes> = limits
            .get("memory")
            .map(|limit| limit.0.parse().map_err(wrong))
            .transpose()?;
        let cpu: Option<MilliCpu> = limits
            .get("cpu")
            .map(|limit| limit.0.parse().map_err(wrong))
            .transpose()?;
        let cpus = cpu.map(|cpu| format!("{}.{:03}", cpu.0 / 1000, cpu.0 % 1000));
        Ok((bytes.map(size), cpus))
    }

    fn environment(
        &self,
        container: &Container,
        service: &mut Service,
        credentials: &mut BTreeMap<String, Vec<Credential>>,
    ) -> Result<(), ComposeError> {
        for variable in container.env.iter().flatten() {
            if let Some((secret, key)) = from_secret(variable) {
                let (name, variable) = (format!("{secret}.env"), variable.name.clone());
                if !service.env_file.contains(&name) {
                    service.env_file.push(name.clone());
                }
                let all = credentials.entry(name).or_default();
                all.push(Credential { variable, key });
                continue;
            }
            let value = self.value(variable)?;
            service.environment.insert(variable.name.clone(), value);
        }
        Ok(())
    }

    fn value(&self, variable: &EnvVar) -> Result<String, ComposeError> {
        let unsaid = || self.unsaid(format!("the variable {}", variable.name));
        let Some(source) = &variable.value_from else {
            let value = variable.value.as_deref().unwrap_or_default();
            // The kubelet's own variables.
            return if value.contains("$(") {
                Err(unsaid())
            } else {
                Ok(literal(value))
            };
        };
        let field = source.field_ref.as_ref().ok_or_else(unsaid)?;
        match field.field_path.as_str() {
            "metadata.name" => Ok(self.name.clone()),
            "metadata.namespace" => Ok(self.joiner.name().to_owned()),
            "status.podIP" | "status.hostIP" => {
                Ok("${P2P_IP:?the address of this machine: see COMPOSE.md}".to_owned())
            }
            _ => Err(unsaid()),
        }
    }

    fn mounts(
        &self,
        container: &Container,
        service: &mut Service,
        configs: &BTreeMap<String, String>,
        file: &mut File,
    ) -> Result<(), ComposeError> {
        for mount in container.volume_mounts.iter().flatten() {
            let (name, path) = (&mount.name, mount.mount_path.as_str());
            let within = |file: &str| format!("{path}/{file}");
            let volumes = self.spec.volumes.as_ref();
            let volume = volumes.and_then(|all| all.iter().find(|one| &one.name == name));
            if self.claims.contains(name) || volume.is_some_and(|one| one.empty_dir.is_some()) {
                let (source, read_only) = (self.volume(name), mount.read_only == Some(true));
                file.volumes.entry(source.clone()).or_default();
                let volume = Volume::new(source, path.to_owned(), read_only);
                service.volumes.push(volume);
            } else if volume.is_some_and(|one| one.config_map.is_some()) {
                let mounts = configs.keys().map(|source| Mount {
                    source: source.clone(),
                    target: within(source),
                });
                service.configs.extend(mounts);
            } else {
                let keys = volume.and_then(secret_files);
                let keys = keys.ok_or_else(|| self.unsaid(format!("the volume {name}")))?;
                for source in keys {
                    let target = within(&source);
                    file.secrets.insert(source.clone(), Source::beside(&source));
                    service.secrets.push(Mount { source, target });
                }
            }
        }
        Ok(())
    }

    /// Each pod has its own, but for the one with the program.
    fn volume(&self, name: &str) -> String {
        match name {
            BIN => BIN.to_owned(),
            _ => format!("{}-{name}", self.workload),
        }
    }

    /// p2p is for everyone, the RPC for this machine, and the rest for the other containers.
    fn ports(&self, container: &Container) -> Result<Vec<String>, ComposeError> {
        let node = self.workload == self.joiner.node().to_string();
        let wallet = self.workload == Role::Pxe.to_string();
        let mut ports = Vec::new();
        for port in container.ports.iter().flatten() {
            let number = port.container_port;
            match port.name.as_deref() {
                Some("p2p" | "p2p-udp") => {
                    let protocol = protocol(port);
                    ports.push(format!("{number}:{number}/{protocol}"));
                }
                Some("http") if node => ports.push(format!("127.0.0.1:{number}:{number}")),
                // Beside the node's, which has the same number.
                Some("http") if wallet => ports.push(format!("127.0.0.1:{}:{number}", number + 1)),
                Some("http" | "admin") => {}
                other => return Err(self.unsaid(format!("the port {other:?}"))),
            }
        }
        Ok(ports)
    }

    /// Ready is when the chart's pod would be.
    fn health(&self, container: &Container) -> Result<Option<HealthCheck>, ComposeError> {
        let Some(ready) = &container.readiness_probe else {
            return Ok(None);
        };
        let url = url(ready, container).ok_or_else(|| self.unsaid("this readiness probe"))?;
        let script = format!(
            "fetch('{url}').then(answer => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"
        );
        let test = ["CMD", "node", "-e", &script].map(ToOwned::to_owned);
        let start = container.startup_probe.as_ref();
        Ok(Some(HealthCheck {
            test: test.to_vec(),
            interval: format!("{}s", ready.period_seconds.unwrap_or(10)),
            timeout: format!("{}s", ready.timeout_seconds.unwrap_or(1)),
            retries: ready.failure_threshold.unwrap_or(3),
            start_period: start.map(|probe| {
                let (period, failures) = (probe.period_seconds, probe.failure_threshold);
                format!("{}s", period.unwrap_or(10) * failures.unwrap_or(3))
            }),
        }))
    }

    /// What is done once before the pods: the kubelet's part by `fsGroup`, then the chart's.
    pub(super) fn prepare(&self, file: &mut File) -> Result<(), ComposeError> {
        let (container, install) = self.containers()?;
        let mut copies = self.service(install)?;
        copies.network_mode = Some("none");
        copies.depends_on = [(VOLUMES.to_owned(), DependsOn::COMPLETED)].into();
        for mount in install.volume_mounts.iter().flatten() {
            let source = self.volume(&mount.name);
            let volume = Volume::new(source, mount.mount_path.clone(), false);
            copies.volumes.push(volume);
        }
        let mut owns = Service {
            image: self.service(container)?.image,
            entrypoint: vec!["chown".to_owned(), copies.user.clone()],
            network_mode: copies.network_mode,
            user: "0:0".to_owned(),
            cap_add: vec!["CHOWN".to_owned()],
            cap_drop: copies.cap_drop.clone(),
            security_opt: copies.security_opt.clone(),
            read_only: true,
            mem_limit: copies.mem_limit.clone(),
            ..Service::default()
        };
        for source in file.volumes.keys() {
            let target = format!("/volumes/{source}");
            owns.entrypoint.push(target.clone());
            owns.volumes
                .push(Volume::new(source.clone(), target, false));
        }
        file.services.insert(INSTALL.to_owned(), copies);
        file.services.insert(VOLUMES.to_owned(), owns);
        Ok(())
    }
}

/// As Docker writes sizes, whose units are powers of 1024.
fn size(bytes: Bytes) -> String {
    let units = [("g", 1 << 30), ("m", 1 << 20)];
    let fits = units
        .into_iter()
        .find(|(_, unit)| bytes.0.is_multiple_of(*unit));
    let (unit, size) = fits.unwrap_or(("b", 1));
    format!("{}{unit}", bytes.0 / size)
}

fn from_secret(variable: &EnvVar) -> Option<(String, String)> {
    let from = variable.value_from.as_ref()?.secret_key_ref.as_ref()?;
    Some((from.name.clone(), from.key.clone()))
}

/// The files of a Secret that a volume shows.
fn secret_files(volume: &PodVolume) -> Option<Vec<String>> {
    let secret = volume.secret.as_ref()?;
    if let Some(items) = &secret.items {
        return Some(items.iter().map(|item| item.path.clone()).collect());
    }
    let name = secret.secret_name.as_deref()?;
    let (_, keys) = SECRETS.iter().find(|(secret, _)| *secret == name)?;
    Some(keys.iter().map(|key| (*key).to_owned()).collect())
}

fn protocol(port: &ContainerPort) -> String {
    port.protocol.as_deref().unwrap_or("TCP").to_lowercase()
}

/// What a probe gets, within the container.
fn url(probe: &Probe, container: &Container) -> Option<String> {
    let get = probe.http_get.as_ref()?;
    let port = match &get.port {
        IntOrString::Int(port) => *port,
        IntOrString::String(name) => {
            let mut ports = container.ports.iter().flatten();
            let named = ports.find(|port| port.name.as_ref() == Some(name))?;
            named.container_port
        }
    };
    let path = get.path.as_deref().unwrap_or("/");
    Some(format!("http://127.0.0.1:{port}{path}"))
}
