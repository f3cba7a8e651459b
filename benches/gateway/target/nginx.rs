//! nginx as a plain proxy: the floor that every HTTP proxy is compared with.
//!
//! It must be configured as one would for this traffic, not handicapped: keep-alive on both sides, no
//! access log, answers passed on as they come.

use super::{BASE_PATH, Target};
use crate::process::{Process, free_address};
use std::{
    fs, io,
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Command, Stdio},
};

/// The name in the tables.
pub(super) const NAME: &str = "nginx";

/// Starts nginx in front of `upstream`.
pub(super) fn start(workers: usize, directory: &Path, upstream: SocketAddr) -> io::Result<Target> {
    let program = find().ok_or_else(|| {
        io::Error::other("not found; install it, e.g. apt-get install nginx-light")
    })?;
    let directory = directory.join(NAME);
    fs::create_dir(&directory)?;
    let address = free_address()?;
    let file = directory.join("nginx.conf");
    fs::write(&file, configuration(workers, address, upstream))?;
    let mut command = Command::new(program);
    command.arg("-p").arg(&directory).arg("-c").arg(&file).args(["-e", "error.log"]);
    let mut process = Process::start(command.stdin(Stdio::null()))?;
    process.wait_until(|| TcpStream::connect(address).is_ok())?;
    Ok(Target { name: NAME, address, process })
}

/// Debian keeps it where only root's PATH looks.
fn find() -> Option<&'static str> {
    ["nginx", "/usr/sbin/nginx"].into_iter().find(|program| {
        let version = Command::new(program).arg("-v").stderr(Stdio::null()).status();
        version.is_ok_and(|status| status.success())
    })
}

fn configuration(workers: usize, address: SocketAddr, upstream: SocketAddr) -> String {
    format!(
        "daemon off;
worker_processes {workers};
pid nginx.pid;
error_log error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    scgi_temp_path scgi;
    uwsgi_temp_path uwsgi;
    upstream mock {{
        server {upstream};
        keepalive 512;
        keepalive_requests 100000000;
    }}
    server {{
        listen {address} backlog=1024;
        keepalive_requests 100000000;
        location {BASE_PATH}/ {{
            proxy_pass http://mock/v1/;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
        }}
    }}
}}
"
    )
}
