//! Where text stands in a whole answer.
