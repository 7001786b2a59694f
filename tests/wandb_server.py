"""A W&B server of a few lines: it answers what the client asks to start, resume and finish a run, and keeps what came.

Artifacts are not among it: the client asks for them in another way, and what it would send is read from offline files.
"""

import functools
import gzip
import json
import re
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import wandb

ENTITY = "somebody"


class Server(ThreadingHTTPServer):
    """Keeps ``runs``: by name their configuration, their history by line, their summary."""

    def __init__(self):
        self.runs = {}
        super().__init__(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        """Say nothing of clients that hang up."""

    def answer(self, name, said):
        """Return the answer to a query by its name."""
        run = self.runs.get(said.get("name"))
        if name == "UpsertBucket":
            run = self.runs.setdefault(said["name"], {"config": {}, "history": {}, "summary": {}, "began": 0})
            run["config"] |= json.loads(said["config"] or "{}")
            run["labels"] = said
            bucket = {"id": said["name"], "name": said["name"], "project": project(said), "historyLineCount": 0}
            return {"upsertBucket": {"bucket": bucket, "inserted": True}}
        if name == "RunResumeStatus":
            return {"model": project(said) | {"bucket": kept(said["name"], run) if run else None}}
        if name == "CreateRunFiles":
            files = [{"name": f, "uploadUrl": f"{self.address}/kept/{f}"} for f in said["files"]]
            return {"createRunFiles": {"runID": said["run"], "uploadHeaders": [], "files": files}}
        if name == "Viewer":
            return {"viewer": {"entity": ENTITY, "username": ENTITY}}
        return {}

    def take(self, name, files):
        """Keep the lines of a run's streams."""
        run = self.runs[name]
        part = files.get("wandb-history.jsonl", {"offset": 0, "content": []})
        for i, line in enumerate(part["content"]):
            run["history"][part["offset"] + i] = json.loads(line)
        for line in files.get("wandb-summary.json", {"content": []})["content"]:
            run["summary"] |= json.loads(line)


def project(said):
    return {"id": "p", "name": said.get("project") or said.get("name"), "entity": {"id": "e", "name": ENTITY}}


def kept(name, run):
    """Return what a resumed run asks for."""
    history = [json.dumps(row) for row in run["history"].values()]
    return {
        "id": name,
        "name": name,
        "summaryMetrics": json.dumps(run["summary"]),
        "logLineCount": 0,
        "historyLineCount": len(history),
        "eventsLineCount": 0,
        "historyTail": json.dumps(history[-1:]),
        "eventsTail": json.dumps(["{}"]),
        "config": json.dumps(run["config"]),
        "wandbConfig": json.dumps({"t": 1}),  # without it a run counts as never begun
    }


class Handler(BaseHTTPRequestHandler):
    """Passes requests on to the server."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        answer = {}
        if self.path.endswith("/graphql"):
            asked = json.loads(body)
            name = re.search(r"(?:query|mutation)\s+(\w+)", asked["query"])
            said = asked.get("variables") or {}
            answer = {"data": self.server.answer(name[1] if name else "", said)}
        elif self.path.endswith("/file_stream"):
            self.server.take(self.path.split("/")[-2], json.loads(body).get("files") or {})
        self.reply(answer)

    def do_PUT(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.reply({})

    def do_GET(self):
        self.reply({})

    def reply(self, answer):
        text = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *arguments):
        pass


@functools.cache
def leet(*arguments):
    """Return what W&B's own reader says of a run on disk; once read, it is taken to stay."""
    program = Path(sys.executable).with_name("wandb")
    command = [str(program)] if program.exists() else [sys.executable, "-m", "wandb"]
    done = subprocess.run(
        [*command, "leet", "inspect", *map(str, arguments)], check=True, capture_output=True, text=True
    )
    return done.stdout


@contextmanager
def serving(monkeypatch):
    """Run a server that W&B's client of this process takes for its own."""
    server = Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("WANDB_BASE_URL", server.address)
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    wandb.teardown()  # what an earlier process of the client has read of the environment
    try:
        yield server
    finally:
        wandb.teardown()
        server.shutdown()
        server.server_close()
