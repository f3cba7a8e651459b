"""Databases of the test run's own Postgres, one for each server that a test starts."""

import os
import secrets
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

URL = os.environ.get("PORTCULLIS_TEST_POSTGRES_URL")


def program(name):
    """A Postgres client program; Debian keeps some of them off the PATH."""
    found = shutil.which(name) or max(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), default=None)
    assert found, f"{name} is not installed"
    return found


def run(name, *arguments):
    done = subprocess.run([program(name), *arguments], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout


def query(url, sql):
    return run("psql", "--no-psqlrc", "-At", "-d", url, "-c", sql).strip()


def create_database(template=None):
    """A new database's URL, empty or a copy of one that nobody uses; the test server takes nothing but TLS."""
    name = f"portcullis_{secrets.token_hex(6)}"
    copied = f' TEMPLATE "{urlsplit(template).path.lstrip("/")}"' if template else ""
    query(URL, f'CREATE DATABASE "{name}"{copied}')
    return urlunsplit(urlsplit(URL)._replace(path=f"/{name}"))


def drop_database(url):
    query(URL, f'DROP DATABASE IF EXISTS "{urlsplit(url).path.lstrip("/")}" WITH (FORCE)')
