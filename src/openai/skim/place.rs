//! Where in an answer we look.
//!
//! Owns the few paths that lead to what we record. It must never lead to content.

/// Containers that we look into. Each has one possible parent, but for those that stand in the root
/// or in the response that an event carries; so no stack is needed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Place {
    #[default]
    Outside,
    Root,
    /// The `response` of an event of the Responses API.
    Response,
    Usage,
    /// What of the input, or of the output, the usage tells apart.
    Details,
    Error,
    Choices,
    FirstChoice,
    /// The message, or a piece of it, of the first choice.
    Message,
    Audio,
    /// What a response has put out.
    Output,
    Item,
}

/// The member whose value comes next.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Field {
    #[default]
    Other,
    Id,
    /// The id of something inside of what the answer is, that a later call may name.
    InnerId,
    Model,
    Usage,
    Choices,
    Error,
    Response,
    Status,
    InputTokens,
    OutputTokens,
    Details,
    CachedTokens,
    ReasoningTokens,
    Index,
    FinishReason,
    Code,
    Type,
    Object,
    Message,
    Audio,
    Output,
}

impl Place {
    /// The place that a bracket opens, if it is one. `is_first`: nothing stands before it in the
    /// array that it stands in.
    pub(super) fn inner(self, field: Field, bracket: u8, is_first: bool) -> Option<Self> {
        match (self, field, bracket) {
            (Self::Outside, _, b'{') => Some(Self::Root),
            (Self::Root | Self::Response, Field::Usage, b'{') => Some(Self::Usage),
            (Self::Usage, Field::Details, b'{') => Some(Self::Details),
            (Self::Root | Self::Response, Field::Error, b'{') => Some(Self::Error),
            (Self::Root, Field::Response, b'{') => Some(Self::Response),
            (Self::Root, Field::Choices, b'[') => Some(Self::Choices),
            (Self::Choices, _, b'{') if is_first => Some(Self::FirstChoice),
            (Self::FirstChoice, Field::Message, b'{') => Some(Self::Message),
            (Self::Message, Field::Audio, b'{') => Some(Self::Audio),
            (Self::Root | Self::Response, Field::Output, b'[') => Some(Self::Output),
            (Self::Output, _, b'{') => Some(Self::Item),
            _ => None,
        }
    }

    /// Whether values stand in it without keys.
    pub(super) const fn is_list(self) -> bool {
        matches!(self, Self::Choices | Self::Output)
    }
}

impl Field {
    /// The member that a key names.
    pub(super) fn named(place: Place, key: &[u8]) -> Self {
        match (place, key) {
            (Place::Root | Place::Response, b"id") => Self::Id,
            (Place::Root | Place::Response, b"model") => Self::Model,
            (Place::Root | Place::Response, b"usage") => Self::Usage,
            (Place::Root | Place::Response, b"error") => Self::Error,
            (Place::Root | Place::Response, b"status") => Self::Status,
            (Place::Root, b"choices") => Self::Choices,
            (Place::Root, b"response") => Self::Response,
            (Place::Usage, b"prompt_tokens" | b"input_tokens") => Self::InputTokens,
            (Place::Usage, b"completion_tokens" | b"output_tokens") => Self::OutputTokens,
            (
                Place::Usage,
                b"prompt_tokens_details"
                | b"input_tokens_details"
                | b"completion_tokens_details"
                | b"output_tokens_details",
            ) => Self::Details,
            (Place::Details, b"cached_tokens") => Self::CachedTokens,
            (Place::Details, b"reasoning_tokens") => Self::ReasoningTokens,
            (Place::FirstChoice, b"index") => Self::Index,
            (Place::FirstChoice, b"finish_reason") => Self::FinishReason,
            (Place::Root | Place::Error, b"code") => Self::Code,
            (Place::Root | Place::Error, b"type") => Self::Type,
            (Place::Root, b"object") => Self::Object,
            (Place::Root | Place::Response, b"output") => Self::Output,
            (Place::FirstChoice, b"message" | b"delta") => Self::Message,
            (Place::Message, b"audio") => Self::Audio,
            (Place::Item, b"id" | b"container_id") | (Place::Audio, b"id") => Self::InnerId,
            _ => Self::Other,
        }
    }
}
