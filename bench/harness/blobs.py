"""A lake behind a slow network: a folder as a blob service that answers each request after a delay.

Run by itself: `blobs.py FOLDER MILLISECONDS` prints its port and serves until it is stopped. It keeps what it
has read, so that what is measured is the latency and not this program's disk.
"""

import asyncio
import functools
import hashlib
import subprocess
import sys
import urllib.parse
from pathlib import Path
from xml.sax.saxutils import escape

ACCOUNT, CONTAINER = "bench", "lake"
PAGE = 5_000


class Service:
    """The objects of a folder, as a listing and as answers to reads."""

    def __init__(self, root):
        self.root = Path(root)
        self.names = sorted(str(p.relative_to(root)) for p in self.root.rglob("*") if p.is_file())

    @functools.cache
    def blob(self, name):
        body = (self.root / name).read_bytes()
        return body, f'"0x{hashlib.md5(name.encode() + body).hexdigest()[:15].upper()}"'

    def answer(self, target, headers):
        """Status line, headers and body for a GET."""
        url = urllib.parse.urlsplit(target)
        query = dict(urllib.parse.parse_qsl(url.query))
        if query.get("comp") == "list":
            return self.page(query.get("prefix", ""), int(query.get("marker") or 0))
        name = urllib.parse.unquote(url.path).removeprefix(f"/{ACCOUNT}/{CONTAINER}/")
        if not (self.root / name).is_file():
            return response("404 The specified blob does not exist.", b"", {"x-ms-error-code": "BlobNotFound"})
        body, etag = self.blob(name)
        more = {"ETag": etag, "Last-Modified": "Sat, 10 Jan 2026 03:00:00 GMT", "x-ms-blob-type": "BlockBlob"}
        if headers.get("range", "").startswith("bytes=") and body:
            first, _, last = headers["range"].removeprefix("bytes=").partition("-")
            first, last = int(first), min(int(last or len(body)), len(body) - 1)
            more["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
            return response("206 Partial Content", body[first : last + 1], more)
        return response("200 OK", body, more)

    def page(self, prefix, first):
        found = [name for name in self.names if name.startswith(prefix)]
        blobs = "".join(self.entry(name) for name in found[first : first + PAGE])
        marker = f"<NextMarker>{first + PAGE}</NextMarker>" if first + PAGE < len(found) else "<NextMarker />"
        text = (
            f'<?xml version="1.0" encoding="utf-8"?><EnumerationResults ContainerName="{CONTAINER}">'
            f"<Prefix>{escape(prefix)}</Prefix><Blobs>{blobs}</Blobs>{marker}</EnumerationResults>"
        )
        return response("200 OK", text.encode(), {"Content-Type": "application/xml"})

    def entry(self, name):
        body, etag = self.blob(name)
        return (
            f"<Blob><Name>{escape(name)}</Name><Properties><Last-Modified>Sat, 10 Jan 2026 03:00:00 GMT</Last-Modified>"
            f"<Etag>{etag.strip(chr(34))}</Etag><Content-Length>{len(body)}</Content-Length><Content-Type>application/gzip</Content-Type><BlobType>BlockBlob</BlobType>"
            "</Properties></Blob>"
        )


def response(status, body, headers):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "x-ms-version: 2021-08-06", "x-ms-request-id: 0"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Connection(asyncio.Protocol):
    """One client: requests one after the other, each answered when its time has come."""

    def __init__(self, service, delay):
        self.service, self.delay, self.received = service, delay, b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.received += data
        while b"\r\n\r\n" in self.received:
            head, _, self.received = self.received.partition(b"\r\n\r\n")
            first, *rest = head.decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
            answer = self.service.answer(first.split(" ")[1], headers)
            asyncio.get_running_loop().call_later(self.delay, self.send, answer)

    def send(self, answer):
        if not self.transport.is_closing():
            self.transport.write(answer)


class Blobs:
    """The service as a process of its own, for as long as the block lasts."""

    def __init__(self, root, milliseconds):
        command = [sys.executable, __file__, str(root), str(milliseconds)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        port = self.process.stdout.readline().strip()
        if not port:
            raise RuntimeError(f"the blob service of {root} did not start")
        self.lake = f"az://{CONTAINER}"
        # The emulator's key: everybody knows it, and the service does not look.
        key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
        self.environment = {
            "AZURE_STORAGE_CONNECTION_STRING": f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={key};"
            f"BlobEndpoint=http://127.0.0.1:{port}/{ACCOUNT}",
        }

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


async def serve(root, milliseconds):
    service = Service(root)
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(service, float(milliseconds) / 1000), "127.0.0.1", 0
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:3]))
