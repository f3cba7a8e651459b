"""A Postgres server of a test's own, which may die and come back."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import postgres
from gateway import eventually, free_port

# Postgres refuses to run as root; the package's own user runs it then.
USER = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
PASSWORD = "portcullis"


class MortalPostgres:
    """Listens on one port from its first start on; its data survive every kind of end."""

    def __init__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="portcullis-postgres."))
        self.data = self.directory / "data"
        self.port = free_port()
        self.url = f"postgres://portcullis:{PASSWORD}@127.0.0.1:{self.port}/postgres?sslmode=disable"
        self.process = None
        password = self.directory / "password"
        password.write_text(PASSWORD)
        for path in (self.directory, password) if USER else ():
            shutil.chown(path, USER["user"], USER["group"])
        self._run("initdb", "-U", "portcullis", f"--pwfile={password}", "-A", "scram-sha-256", "--no-sync")

    def _run(self, name, *arguments):
        command = [postgres.program(name), "-D", self.data, *arguments]
        subprocess.run(command, cwd="/", check=True, capture_output=True, timeout=60, **USER)

    def start(self):
        settings = ["listen_addresses=127.0.0.1", "fsync=off", "max_connections=50", "log_min_messages=fatal"]
        options = [part for setting in settings for part in ("-c", setting)]
        command = [postgres.program("postgres"), "-D", self.data, "-p", str(self.port), "-k", self.directory, *options]
        self.process = subprocess.Popen(command, cwd="/", stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **USER)
        eventually(self.answers, within=30, every=0.2, what="Postgres")
        return self

    def answers(self):
        assert self.process.poll() is None, f"Postgres ended with {self.process.returncode}"
        try:
            return postgres.query(self.url, "SELECT 1") == "1"
        except AssertionError:
            return False

    def kill(self):
        """Ends it at once, as a crash does: nobody is told, and the log is replayed at the next start."""
        self._end(signal.SIGQUIT)

    def stop(self):
        self._end(signal.SIGINT)

    def _end(self, with_signal):
        if self.process:
            self.process.send_signal(with_signal)
            self.process.wait(30)
            self.process = None

    def remove(self):
        self._end(signal.SIGQUIT)
        shutil.rmtree(self.directory)
