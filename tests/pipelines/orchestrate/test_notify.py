"""Word of a run, sent to a real HTTP server and a real SMTP server of this process."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import dagster as dg
import pytest

from pipelines.orchestrate.graph import definitions_for
from pipelines.orchestrate.instance import dagster_instance
from pipelines.orchestrate.notify import Matter, NotSent, Recipients, Word, recipients, send
from tests.small_authority import PERSONAL
from tests.small_run import Small


class Webhook(BaseHTTPRequestHandler):
    got: ClassVar[list[tuple[str, str, bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append((self.path, self.headers["Content-Type"], body))
        self.send_response(500 if self.path == "/broken" else 204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the terminal."""


class Mail(socketserver.StreamRequestHandler):
    """As much of RFC 5321 as a client needs to hand over a message."""

    got: ClassVar[list[tuple[list[str], bytes]]] = []

    def handle(self) -> None:
        self._say("220 here")
        to: list[str] = []
        while line := self.rfile.readline().decode().strip():
            command = line[:4].upper()
            if command == "DATA":
                self._say("354 go on")
                text = b""
                while (part := self.rfile.readline()) != b".\r\n":
                    text += part.removeprefix(b".") if part.startswith(b"..") else part
                self.got.append((to, text))
            elif command == "RCPT":
                to.append(line.partition("<")[2].partition(">")[0])
            self._say("221 bye" if command == "QUIT" else "250 well")
            if command == "QUIT":
                return

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@pytest.fixture
def servers() -> Iterator[tuple[str, str]]:
    """The addresses of a webhook and of a mail server at work."""
    Webhook.got.clear()
    Mail.got.clear()
    started = [HTTPServer(("127.0.0.1", 0), Webhook), socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mail)]
    for server in started:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    web, mail = (server.server_address[1] for server in started)
    yield f"http://127.0.0.1:{web}", f"smtp://127.0.0.1:{mail}"
    for server in started:
        server.shutdown()
        server.server_close()


WORD = Word(
    "Smallbridge",
    "E06999009",
    "everything",
    "1a2b",
    "failed",
    (Matter("places.home", "", "the disk is full"),),
)


def test_word_goes_both_ways(servers: tuple[str, str]) -> None:
    web, mail = servers
    to = ("gis@smallbridge.example", "duty@smallbridge.example")
    send(WORD, Recipients(f"{web}/hook?key=1", to, "places@smallbridge.example", mail))
    ((path, kind, body),) = Webhook.got
    assert (path, kind) == ("/hook?key=1", "application/json; charset=utf-8")
    told = json.loads(body)
    assert told["matters"] == [{"asset": "places.home", "check": "", "message": "the disk is full"}]
    assert told["text"].startswith("Smallbridge: the run of `everything` failed")
    ((sent_to, text),) = Mail.got
    assert sent_to == list(to)
    message = message_from_bytes(text, policy=policy.default)
    assert message["Subject"] == "Smallbridge: everything failed"
    assert "- places.home: the disk is full" in message.get_content()


def test_what_could_not_be_sent_is_said_without_the_address(servers: tuple[str, str]) -> None:
    web, mail = servers
    with pytest.raises(NotSent, match=r"webhook by 127.0.0.1: HTTPError") as raised:
        send(WORD, Recipients(f"{web}/broken", ("gis@smallbridge.example",), "", mail))
    assert "broken" not in str(raised.value)
    assert len(Mail.got) == 1, "the other way is tried all the same"


def test_a_run_that_needs_somebody_is_told_through_the_sensors(
    own: Small, servers: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLACES_WEBHOOK", servers[0])
    definitions = definitions_for(own.authority, own.output)

    def tell(sensor: str, event: dg.DagsterEventType, run_id: str) -> Any:
        Webhook.got.clear()
        with dagster_instance(own.output) as instance:
            run = instance.get_run_by_id(run_id)
            (record,) = instance.get_records_for_run(run_id, of_type=event).records
            happened = record.event_log_entry.dagster_event
            assert run is not None
            assert happened is not None
            context: Any = dg.build_run_status_sensor_context(sensor, happened, instance, run)
            if event == dg.DagsterEventType.RUN_FAILURE:
                context = context.for_run_failure()
            definitions.get_repository_def().get_sensor_def(sensor)(context)
        return json.loads(Webhook.got[0][2]) if Webhook.got else None

    with dagster_instance(own.output) as instance:
        job = definitions.resolve_job_def("services")
        well = job.execute_in_process(instance=instance)
    assert tell("tell_of_refused_files", dg.DagsterEventType.RUN_SUCCESS, well.run_id) is None

    (own.folder / "sites/libraries/libraries_2026-10-31.csv").write_text(f"LIBRARY,EASTING\n{PERSONAL},1\n")
    (own.folder / "services/social_care/dataset.yaml").write_text("title: 3\n")
    with dagster_instance(own.output) as instance:
        job = definitions_for(own.authority, own.output).resolve_job_def("services")
        failed = job.execute_in_process(instance=instance, raise_on_error=False)
    told = tell("tell_of_failures", dg.DagsterEventType.RUN_FAILURE, failed.run_id)
    assert (told["outcome"], told["job"], told["authority_code"]) == ("failed", "services", "E06999009")
    by_asset = {one["asset"]: one for one in told["matters"]}
    assert by_asset["services.libraries"]["check"] == "files_are_read"
    assert "The description cannot be used" in by_asset["services.social_care"]["message"]
    assert PERSONAL not in json.dumps(told)


def test_recipients_are_as_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not recipients()
    monkeypatch.setenv("PLACES_MAIL_TO", "a@x.example, b@x.example")
    assert recipients() == Recipients("", ("a@x.example", "b@x.example"), "", "")
