//! Where text stands in a call.
