//! Texts made equal to the eye.
