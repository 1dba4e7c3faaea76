//! Why a request is refused.

/// A refusal, as JSON-RPC has it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: i64,
    pub(super) message: String,
}

impl Refusal {
    #[expect(clippy::needless_pass_by_value, reason = "errors are mapped by it")]
    pub(super) fn of_params(message: impl ToString) -> Self {
        Self {
            code: -32602,
            message: message.to_string(),
        }
    }
}
