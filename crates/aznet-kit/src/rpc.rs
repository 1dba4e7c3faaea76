//! JSON-RPC over HTTP, one call at a time.

mod redact;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};
use thiserror::Error;

/// Long enough for a node under load, short enough to notice a dead one.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Why a call gave no result. The server is named without anything secret of its URL.
#[derive(Debug, Error)]
pub enum RpcError {
    /// No answer.
    #[error("no answer from {server}")]
    Unreachable {
        /// `scheme://host:port`.
        server: String,
        /// What the transport says.
        #[source]
        source: Box<ureq::Error>,
    },
    /// The answer is not JSON-RPC.
    #[error("{server} answered {method} with HTTP {status} and no JSON-RPC result")]
    NotJsonRpc {
        /// `scheme://host:port`.
        server: String,
        /// The method called.
        method: Cow<'static, str>,
        /// HTTP status.
        status: u16,
    },
    /// The server refused the call.
    #[error("{server} refused {method}: {message}")]
    Refused {
        /// `scheme://host:port`.
        server: String,
        /// The method called.
        method: Cow<'static, str>,
        /// The server's words.
        message: String,
    },
    /// The result has another shape than expected.
    #[error("{server} answered {method} with something that is not {expected}")]
    Unexpected {
        /// `scheme://host:port`.
        server: String,
        /// The method called.
        method: Cow<'static, str>,
        /// What was expected.
        expected: &'static str,
    },
}

/// A JSON-RPC server.
#[derive(Clone)]
pub struct Rpc {
    url: String,
    agent: ureq::Agent,
    key: Option<String>,
}

impl fmt::Debug for Rpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rpc").field(&self.server()).finish()
    }
}

impl Rpc {
    /// A client with the usual timeout.
    pub fn new(url: &str) -> Self {
        Self::with_timeout(url, TIMEOUT)
    }

    /// A client that gives a call `timeout`, connecting included.
    pub fn with_timeout(url: &str, timeout: Duration) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            .build();
        Self {
            url: url.to_owned(),
            agent: config.into(),
            key: None,
        }
    }

    /// The same server, asked with the key of an admin RPC.
    #[must_use]
    pub fn with_key(self, key: Option<String>) -> Self {
        Self { key, ..self }
    }

    /// `scheme://host:port`.
    pub fn server(&self) -> String {
        redact::url(&self.url)
    }

    /// Calls `method`; a missing result is `null`.
    ///
    /// # Errors
    /// [`RpcError`].
    pub fn call(
        &self,
        method: impl Into<Cow<'static, str>>,
        params: &Value,
    ) -> Result<Value, RpcError> {
        let method = method.into();
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let mut post = self.agent.post(&self.url);
        if let Some(key) = &self.key {
            post = post.header("x-api-key", key);
        }
        let mut response = post.send_json(&request).map_err(|source| {
            let server = self.server();
            let source = Box::new(source);
            RpcError::Unreachable { server, source }
        })?;
        let status = response.status().as_u16();
        let body: Value = response
            .body_mut()
            .with_config()
            .limit(u64::MAX)
            .read_json()
            .map_err(|_| self.not_json_rpc(method.clone(), status))?;
        self.result(method, status, body)
    }

    /// `GET` of a path, e.g. `/status`: the HTTP status.
    ///
    /// # Errors
    /// [`RpcError::Unreachable`].
    pub fn get_status(&self, path: &str) -> Result<u16, RpcError> {
        let url = format!("{}{path}", self.url.trim_end_matches('/'));
        let response = self.agent.get(&url).call().map_err(|source| {
            let server = self.server();
            let source = Box::new(source);
            RpcError::Unreachable { server, source }
        })?;
        Ok(response.status().as_u16())
    }

    /// An [`RpcError::Unexpected`] of this server.
    pub fn unexpected(&self, method: &'static str, expected: &'static str) -> RpcError {
        let server = self.server();
        RpcError::Unexpected {
            server,
            method: method.into(),
            expected,
        }
    }

    fn not_json_rpc(&self, method: Cow<'static, str>, status: u16) -> RpcError {
        let server = self.server();
        RpcError::NotJsonRpc {
            server,
            method,
            status,
        }
    }

    fn result(
        &self,
        method: Cow<'static, str>,
        status: u16,
        mut body: Value,
    ) -> Result<Value, RpcError> {
        if let Some(error) = body.get("error") {
            let message = error
                .get("message")
                .and_then(Value::as_str)
                .unwrap_or("no reason given");
            return Err(RpcError::Refused {
                server: self.server(),
                method,
                message: message.to_owned(),
            });
        }
        if body.get("jsonrpc").is_none() {
            return Err(self.not_json_rpc(method, status));
        }
        Ok(body.get_mut("result").map(Value::take).unwrap_or_default())
    }
}
