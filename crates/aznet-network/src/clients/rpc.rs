//! JSON-RPC to a pod through the Kubernetes API's pod proxy: no port-forward, no route into the cluster.

use std::time::Duration;

use http::HeaderValue;
use http_body_util::BodyExt;
use kube::{Client, client::Body};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::api::ApiError;

/// Bytes of a strange answer that an error quotes.
const QUOTED: usize = 200;

/// What a call may take where many are asked at once, before its server counts as slow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(4);

/// One port of one pod, as JSON-RPC server.
#[derive(Clone)]
pub struct PodRpc {
    client: Client,
    namespace: String,
    pod: String,
    port: u16,
    timeout: Duration,
    key: Option<HeaderValue>,
}

impl std::fmt::Debug for PodRpc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PodRpc").field(&self.target()).finish()
    }
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum RpcError {
    /// The pod or its server isn't there (yet): worth a retry.
    #[error("{method} on {target}: the pod is unreachable (HTTP {status}): {detail}")]
    Unreachable {
        /// `pod:port`.
        target: String,
        /// The JSON-RPC method.
        method: String,
        /// HTTP status of the Kubernetes API, 0 if there was none.
        status: u16,
        /// What the Kubernetes API said.
        detail: String,
    },
    /// The Kubernetes API itself can't be reached: worth a retry.
    #[error("{method} on {target}: the Kubernetes API is unreachable")]
    Api {
        /// `pod:port`.
        target: String,
        /// The JSON-RPC method.
        method: String,
        /// Why.
        #[source]
        source: ApiError,
    },
    /// Nothing came back in time: worth a retry.
    #[error("{method} on {target}: timed out after {}", aznet_kit::time::Seconds(*after))]
    TimedOut {
        /// `pod:port`.
        target: String,
        /// The JSON-RPC method.
        method: String,
        /// The time given.
        after: Duration,
    },
    /// The server refused the call.
    #[error("{method} on {target}: refused with code {code}: {message}")]
    Refused {
        /// `pod:port`.
        target: String,
        /// The JSON-RPC method.
        method: String,
        /// JSON-RPC error code.
        code: i64,
        /// The server's words.
        message: String,
    },
    /// The answer isn't what the method returns.
    #[error("{method} on {target}: unexpected answer `{answer}`")]
    BadAnswer {
        /// `pod:port`.
        target: String,
        /// The JSON-RPC method.
        method: String,
        /// The beginning of the answer.
        answer: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

impl RpcError {
    /// Whether the same call may succeed a little later: the server is missing or slow, nobody refused anything.
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::Api { .. } | Self::TimedOut { .. }
        )
    }
}

#[derive(Serialize)]
struct Request<'a, P> {
    jsonrpc: &'static str,
    id: u32,
    method: &'a str,
    params: P,
}

#[derive(Deserialize)]
struct Reply {
    jsonrpc: String,
    #[serde(default)]
    result: Value,
    error: Option<ReplyError>,
}

#[derive(Deserialize)]
struct ReplyError {
    code: i64,
    message: String,
}

/// Whether a method changes nothing, by the names that Ethereum, Anvil and Aztec give theirs.
fn only_reads(method: &str) -> bool {
    let (_, verb) = method.split_once('_').unwrap_or_default();
    ["get", "is", "call"]
        .iter()
        .any(|reads| verb.starts_with(reads))
}

impl PodRpc {
    /// The server at `pod:port`; calls take 10 s at most.
    pub fn new(
        client: Client,
        namespace: impl Into<String>,
        pod: impl Into<String>,
        port: u16,
    ) -> Self {
        Self {
            client,
            namespace: namespace.into(),
            pod: pod.into(),
            port,
            timeout: Duration::from_secs(10),
            key: None,
        }
    }

    /// The same server, asked with an API key in the header `x-api-key`: the Kubernetes API keeps `authorization` to itself.
    #[must_use]
    pub(crate) fn with_api_key(self, key: HeaderValue) -> Self {
        Self {
            key: Some(key),
            ..self
        }
    }

    /// The same server with another bound on every call.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// `pod:port`, as errors name it.
    pub fn target(&self) -> String {
        format!("{}:{}", self.pod, self.port)
    }

    /// The pod's name.
    pub fn pod(&self) -> &str {
        &self.pod
    }

    /// Calls `method`; `params` must serialize to an array. A void result reads as `null`. What only reads is asked once more
    /// if the connection breaks.
    ///
    /// # Errors
    /// [`RpcError`]; see [`RpcError::is_retryable`].
    pub async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        params: impl Serialize,
    ) -> Result<T, RpcError> {
        let body = serde_json::to_vec(&Request {
            jsonrpc: "2.0",
            id: 1,
            method,
            params,
        })
        .map_err(|source| self.bad_answer(method, b"", source))?;
        let answer = async {
            match self.post(method, body.clone()).await {
                Err(RpcError::Api { .. }) if only_reads(method) => self.post(method, body).await,
                answer => answer,
            }
        };
        let (status, bytes) =
            tokio::time::timeout(self.timeout, answer)
                .await
                .map_err(|_| RpcError::TimedOut {
                    target: self.target(),
                    method: method.into(),
                    after: self.timeout,
                })??;
        self.read(method, status, &bytes)
    }

    async fn post(&self, method: &str, body: Vec<u8>) -> Result<(u16, Vec<u8>), RpcError> {
        let api = |source| RpcError::Api {
            target: self.target(),
            method: method.into(),
            source: ApiError::from(source),
        };
        let uri = format!(
            "/api/v1/namespaces/{}/pods/{}:{}/proxy/",
            self.namespace, self.pod, self.port
        );
        let mut request =
            http::Request::post(uri).header(http::header::CONTENT_TYPE, "application/json");
        if let Some(key) = &self.key {
            request = request.header("x-api-key", key.clone());
        }
        let request = request
            .body(Body::from(body))
            .map_err(|source| api(kube::Error::HttpError(source)))?;
        let response = self.client.send(request).await.map_err(api)?;
        let status = response.status().as_u16();
        let bytes = response
            .into_body()
            .collect()
            .await
            .map_err(api)?
            .to_bytes();
        Ok((status, bytes.to_vec()))
    }

    /// Tells the server's answers, errors included, from those of the Kubernetes API in front of it.
    fn read<T: DeserializeOwned>(
        &self,
        method: &str,
        status: u16,
        bytes: &[u8],
    ) -> Result<T, RpcError> {
        match serde_json::from_slice::<Reply>(bytes) {
            Ok(Reply {
                error: Some(ReplyError { code, message }),
                ..
            }) => Err(RpcError::Refused {
                target: self.target(),
                method: method.into(),
                code,
                message,
            }),
            Ok(reply) if reply.jsonrpc == "2.0" => serde_json::from_value(reply.result)
                .map_err(|source| self.bad_answer(method, bytes, source)),
            Err(source) if (200..300).contains(&status) => {
                Err(self.bad_answer(method, bytes, source))
            }
            _ => Err(self.unreachable(method, status, bytes)),
        }
    }

    fn unreachable(&self, method: &str, status: u16, bytes: &[u8]) -> RpcError {
        let detail = serde_json::from_slice::<Value>(bytes)
            .ok()
            .and_then(|value| Some(value.get("message")?.as_str()?.to_owned()))
            .unwrap_or_else(|| quote(bytes));
        RpcError::Unreachable {
            target: self.target(),
            method: method.into(),
            status,
            detail,
        }
    }

    fn bad_answer(&self, method: &str, bytes: &[u8], source: serde_json::Error) -> RpcError {
        RpcError::BadAnswer {
            target: self.target(),
            method: method.into(),
            answer: quote(bytes),
            source,
        }
    }
}

fn quote(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .trim()
        .chars()
        .take(QUOTED)
        .collect()
}

#[cfg(test)]
mod tests;
