//! Failures of the Kubernetes API, in words for people.

use std::{error::Error, fmt};

/// A failure of the Kubernetes API; reads as the server's own message, without the status around it.
#[derive(Debug)]
pub struct ApiError(Box<kube::Error>);

impl From<kube::Error> for ApiError {
    fn from(error: kube::Error) -> Self {
        Self(Box::new(error))
    }
}

impl ApiError {
    /// Whether the caller has no right to it: asking again changes nothing.
    pub fn is_forbidden(&self) -> bool {
        matches!(&*self.0, kube::Error::Api(status) if status.code == 403)
    }

    /// What the client reported.
    pub const fn inner(&self) -> &kube::Error {
        &self.0
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            kube::Error::Api(status) if !status.message.is_empty() => f.write_str(&status.message),
            kube::Error::Service(_) | kube::Error::HyperError(_) => {
                f.write_str("the Kubernetes API is unreachable")
            }
            other => other.fmt(f),
        }
    }
}

impl Error for ApiError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &*self.0 {
            kube::Error::Service(source) => Some(&**source),
            kube::Error::HyperError(source) => Some(source),
            // The others repeat their source in their text.
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    #[test]
    fn a_status_reads_as_its_message() {
        let status = Status::failure("pods \"x\" not found", "NotFound").with_code(404);
        let error = ApiError::from(kube::Error::Api(status.boxed()));
        assert_eq!(error.to_string(), "pods \"x\" not found");
        assert!(error.source().is_none());
    }
}
