#![doc = include_str!("ARCHITECTURE.md")]
#![warn(missing_docs)]

// The shared words, and what the outside says: time and configuration.
pub mod types;
pub mod clock;
pub mod config;
// Pure rooms: no actix, no I/O, no clock.
pub mod openai;
pub mod identity;
pub mod limits;
pub mod trust;
pub mod tokens;
pub mod policy;
pub mod detect;
pub mod ledger;
pub mod export;
// What must survive the process before the store has it.
pub mod journal;
// Whom we trust on the network, and what identity providers say there.
pub mod tls;
pub mod openid;
// The only room with SQL.
pub mod store;
// The skeleton.
pub mod bus;
pub mod actors;
// The request, the administrator's use cases, and their surfaces.
pub mod pipeline;
pub mod admin;
pub mod http;
pub mod sandbox;
// Putting it together.
pub mod telemetry;
pub mod app;
pub mod cli;
