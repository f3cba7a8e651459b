"""Forms as bytes, and a provider that tells how much of one has come."""

import socket
import threading

BOUNDARY = "edge-of-a-form"
FORM_TYPE = f"multipart/form-data; boundary={BOUNDARY}"


def part(name, value, *lines, filename=None, boundary=BOUNDARY):
    """One part with its delimiter; `lines` are further header lines."""
    value = value if isinstance(value, bytes) else value.encode()
    place = f'Content-Disposition: form-data; name="{name}"' + (f'; filename="{filename}"' if filename else "")
    return "\r\n".join([f"--{boundary}", place, *lines, "", ""]).encode() + value + b"\r\n"


def form(*parts, boundary=BOUNDARY):
    return b"".join(parts) + f"--{boundary}--\r\n".encode()


class Listener:
    """A provider that only listens: how many bytes have come, how many calls came whole and how many were cut."""

    def __init__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{self.server.getsockname()[1]}/v1"
        self.forget()
        threading.Thread(target=self._accept, daemon=True).start()

    def forget(self):
        self.heads, self.received, self.whole, self.ended = [], 0, 0, 0

    def stop(self):
        self.server.close()

    def _accept(self):
        while True:
            try:
                peer, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        """Reads a body to its end, as its length or its chunks say, and answers; `ended` counts those cut before."""
        data = b""
        with peer:
            while b"\r\n\r\n" not in data:
                piece = peer.recv(65536)
                if not piece:
                    return
                data += piece
            head, data = data.split(b"\r\n\r\n", 1)
            self.heads.append(head)
            length = next(
                (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), None
            )
            count, tail = len(data), data[-5:]
            self.received += count
            while count != length if length is not None else tail != b"0\r\n\r\n":
                try:
                    piece = peer.recv(1 << 20)
                except ConnectionResetError:
                    piece = b""
                if not piece:
                    self.ended += 1
                    return
                count, tail = count + len(piece), (tail + piece)[-5:]
                self.received += len(piece)
            self.whole += 1
            peer.sendall(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 13\r\nconnection: close\r\n\r\n"
                b'{"text":"ok"}'
            )
