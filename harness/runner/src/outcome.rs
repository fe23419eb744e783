//! What one step came to.

use fedproof_core::transcript::Exchange;
use serde_json::Value;
use std::sync::Arc;

/// An answer that expectations are held against.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) exchange: Arc<Exchange>,
}

impl Answer {
    /// The Matrix error code, if there is one.
    pub(crate) fn errcode(&self) -> Option<&str> {
        self.body.get("errcode").and_then(Value::as_str)
    }
}

/// What a step that could be carried out gives.
#[derive(Clone, Debug, Default)]
pub(crate) struct Done {
    /// What `save: name` binds.
    pub(crate) result: Value,
    /// The answer, if the step asked for one.
    pub(crate) answer: Option<Answer>,
    /// Why the answer is not what the specification says, although its status is a success. It matters only if the
    /// step expects a success: an adversary that is let in by a malformed answer is let in.
    pub(crate) flaw: Option<String>,
}

impl Done {
    /// An answer whose body is the result.
    pub(crate) fn body(answer: Answer) -> Self {
        Self { result: answer.body.clone(), answer: Some(answer), flaw: None }
    }
}

/// Why a step did not come out as it should.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum StepError {
    /// It could not be carried out: nothing can be said of the server.
    #[error("{reason}")]
    Broken {
        /// In words.
        reason: String,
        /// What led to it.
        exchanges: Vec<u64>,
    },
    /// It was carried out, and there was nothing to judge.
    #[error("{reason}")]
    Moot {
        /// In words.
        reason: String,
        /// Elsewhere there is, on another homeserver or in another deployment, so that this one has merely no part in it.
        elsewhere: bool,
    },
    /// It was carried out, and something else came than was asked for.
    #[error("expected {expected}; saw {seen}")]
    Unmet {
        /// What the step asked for.
        expected: String,
        /// What came.
        seen: String,
        /// The decisive exchange last.
        exchanges: Vec<u64>,
    },
}

impl StepError {
    pub(crate) fn broken(reason: impl Into<String>) -> Self {
        Self::Broken { reason: reason.into(), exchanges: Vec::new() }
    }

    pub(crate) fn exchanges(&self) -> &[u64] {
        match self {
            Self::Broken { exchanges, .. } | Self::Unmet { exchanges, .. } => exchanges,
            Self::Moot { .. } => &[],
        }
    }
}

/// Errors of the parts below: a request that could not be made or has no answer.
macro_rules! broken_from {
    ($($error:ty),*) => {$(
        impl From<$error> for StepError {
            fn from(error: $error) -> Self {
                Self::broken(error.to_string())
            }
        }
    )*};
}
broken_from!(
    fedproof_agent::AgentError,
    fedproof_client::ClientError,
    fedproof_virtual::VirtualError,
    fedproof_deployment::DeploymentError,
    fedproof_gateway::GatewayError,
    fedproof_gateway::SendError,
    fedproof_core::room::RoomError,
    fedproof_scenario::template::TemplateError,
    serde_json::Error
);
