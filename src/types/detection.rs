//! What a detection says: type, class, severity, where and what was done, never what stood there.
//!
//! Owns the vocabulary of findings. It must never gain a field for the text that was found.

use super::text_enum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

text_enum! {
    /// Whether something goes to the provider or comes from it.
    Lifecycle {
        /// On its way to the provider.
        Ingress = "INGRESS",
        /// On its way to the caller.
        Egress = "EGRESS",
    }
}

text_enum! {
    /// How bad a finding is.
    Severity {
        /// Worth knowing.
        Low = "LOW",
        /// Worth a look.
        Medium = "MEDIUM",
        /// Worth acting on.
        High = "HIGH",
        /// Worth waking somebody.
        Critical = "CRITICAL",
    }
}

text_enum! {
    /// What kind of data a finding is.
    DataClass {
        /// Personal data.
        Pii = "PII",
        /// Health data.
        Phi = "PHI",
        /// Payment and account data.
        Financial = "FINANCIAL",
        /// Keys, tokens and passwords.
        Credentials = "CREDENTIALS",
        /// Intellectual property.
        Ip = "IP",
        /// No data, but behaviour.
        None = "NONE",
    }
}

text_enum! {
    /// What a finding endangers.
    RiskDomain {
        /// Data that may not leave.
        DataProtection = "DATA_PROTECTION",
        /// Systems that tools reach.
        SystemIntegrity = "SYSTEM_INTEGRITY",
        /// What an agent does on its own.
        AutonomousAction = "AUTONOMOUS_ACTION",
        /// Who somebody is.
        IdentityTrust = "IDENTITY_TRUST",
        /// Somebody works against the model's instructions.
        Adversarial = "ADVERSARIAL",
    }
}

text_enum! {
    /// What a rule does when it finds something, the mildest first.
    Action {
        /// Nothing, and nothing is recorded.
        Allow = "allow",
        /// It is recorded.
        Log = "log",
        /// The value is replaced by `[REDACTED:TYPE]`.
        Redact = "redact",
        /// The call, or its answer, is stopped.
        Block = "block",
        /// It is stopped, and its agent may not call until an administrator reviews.
        Quarantine = "quarantine",
    }
}

impl Action {
    /// Whether it changes or stops what passes.
    pub const fn acts(self) -> bool {
        matches!(self, Self::Redact | Self::Block | Self::Quarantine)
    }

    /// Whether it stops what passes.
    pub const fn stops(self) -> bool {
        matches!(self, Self::Block | Self::Quarantine)
    }
}

text_enum! {
    /// The part of a call or an answer in which a text stands.
    TextSurface {
        /// A system or developer message, or instructions.
        System = "system",
        /// A user message, a prompt, an input.
        User = "user",
        /// A message of the model: an earlier one in a call, or the answer itself.
        Assistant = "assistant",
        /// What a tool gave back, and documents and files that a call brings.
        ToolResult = "tool_result",
        /// The `name` of a participant.
        Name = "name",
        /// The fields `user`, `safety_identifier` and their like.
        EndUser = "end_user",
        /// `metadata`, keys and values.
        Metadata = "metadata",
        /// `prediction`.
        Prediction = "prediction",
        /// `suffix`.
        Suffix = "suffix",
        /// The description of a tool and the schema of its parameters.
        ToolDefinition = "tool_definition",
        /// The arguments of a tool call.
        ToolArguments = "tool_arguments",
        /// `response_format` and its schema.
        ResponseFormat = "response_format",
        /// A refusal of the model.
        Refusal = "refusal",
        /// What the model thought.
        Reasoning = "reasoning",
        /// What was heard in a recording.
        Transcript = "transcript",
        /// Tokens with their probabilities.
        Logprobs = "logprobs",
        /// Any other text.
        Other = "other",
    }
}

/// A detection, without its text. Equal values found by one rule in one place are one finding.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Finding {
    /// The rule's id.
    pub rule: Box<str>,
    /// Detection type, e.g. `PII_SSN`.
    #[serde(rename = "type")]
    pub kind: Box<str>,
    /// Data classification.
    pub class: DataClass,
    /// How bad it is.
    pub severity: Severity,
    /// On its way in or out.
    pub lifecycle: Lifecycle,
    /// Which part of the call or answer.
    pub surface: TextSurface,
    /// What was done.
    pub action: Action,
    /// How many times.
    pub count: u32,
    /// Keyed HMAC of the value, hexadecimal: equal values have equal ones. Null where the gate has no key.
    pub hmac: Option<Box<str>>,
}
