//! Changing, listing and trying rules, as the use cases do it.
