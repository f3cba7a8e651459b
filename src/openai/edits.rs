//! Changes of a body, made together.
