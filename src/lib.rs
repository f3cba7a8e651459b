#![doc = include_str!("ARCHITECTURE.md")]
#![warn(missing_docs)]

// Pure rooms: no actix, no I/O, no clock.
pub mod clock;
pub mod config;
pub mod detect;
pub mod identity;
pub mod openai;
pub mod policy;
pub mod trust;
pub mod types;
// The only room with SQL.
pub mod store;
// The skeleton.
pub mod actors;
pub mod bus;
// The request, and the administrator's use cases.
pub mod admin;
pub mod http;
pub mod pipeline;
pub mod sandbox;
// Putting it together.
pub mod app;
pub mod cli;
pub mod telemetry;
