//! Where text stands in the events of a stream.
