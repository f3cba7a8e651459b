//! What a value must pass besides its pattern.
