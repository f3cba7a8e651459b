"""A reader of the activity stream, on a thread of its own."""

import json
import threading
import time

import httpx


class Activity:
    """Everything that `GET /api/v1/activity/stream` said, as (event, data, id)."""

    def __init__(self, gate, last_event_id=None):
        self.events = []
        self.raw = ""
        admin = gate.admin()
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        self.reply = admin.stream("GET", "/api/v1/activity/stream", headers=headers, timeout=30)
        self.thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self):
        self.response = self.reply.__enter__()
        assert self.response.status_code == 200
        self.thread.start()
        return self

    def __exit__(self, *_error):
        self.response.close()
        self.thread.join(5)

    def _read(self):
        event, data, event_id = "message", "", None
        try:
            for line in self.response.iter_lines():
                self.raw += line + "\n"
                field, _, value = line.partition(":")
                value = value.removeprefix(" ")
                if field == "event":
                    event = value
                elif field == "data":
                    data += value
                elif field == "id":
                    event_id = value
                elif line == "":
                    if data:
                        self.events.append((event, json.loads(data), event_id))
                    event, data, event_id = "message", "", None
        except (httpx.TransportError, httpx.StreamError, OSError):
            pass

    def wait_for(self, name, within=5.0, **fields):
        """The first event of this name whose data has these fields, with its id."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            for event, data, event_id in list(self.events):
                if event == name and all(data.get(key) == value for key, value in fields.items()):
                    return data, event_id
            time.sleep(0.02)
        seen = [(event, data.get("id")) for event, data, _ in self.events]
        raise AssertionError(f"no event {name} with {fields} within {within} s; seen: {seen}")
