import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from small_files import described

from pdebridge.datasets.fetch import Source


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def copyfile(self, source, outputfile):
        content = source.read()
        # a connection that breaks off half way, after the full length was announced
        outputfile.write(content[: len(content) // 2] if "broken-off" in self.path else content)


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A folder, and the address at which a local server publishes it."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("PDEBRIDGE_MIRROR", raising=False)
    folder = tmp_path / "published"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def mirrored(tmp_path, monkeypatch):
    """Write files into a mirror folder and return it with the `Source` that describes them."""
    monkeypatch.delenv("PDEBRIDGE_MIRROR", raising=False)

    def write(files):
        mirror = tmp_path / "mirror"
        for path, content in files.items():
            (mirror / path).parent.mkdir(parents=True, exist_ok=True)
            (mirror / path).write_bytes(content)
        return mirror, Source(tuple(described(mirror, path) for path in files))

    return write
