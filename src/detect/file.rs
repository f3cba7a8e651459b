//! Reading `detections.toml`.
