"""Word to people of a run that needs them: which job, which asset, and what is the matter; by webhook and by e-mail.

Here belongs what is said and how it is sent. When, is `sensors`. What is said are the same sentences as on Dagster's
pages: names of assets, files and columns, row numbers and counts, never a value of a record.

| variable | what for |
|---|---|
| `PLACES_WEBHOOK` | an address to which the word goes as JSON, by HTTP POST |
| `PLACES_MAIL_TO`, `PLACES_MAIL_FROM` | addresses to which, and from which, it goes as e-mail; commas part several |
| `PLACES_SMTP` | the mail server: `smtp://host:25`, or `smtps://user:password@host:465` (else localhost) |
"""

from __future__ import annotations

import json
import os
import smtplib
import ssl
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from email.message import EmailMessage
from urllib.parse import SplitResult, unquote, urlsplit

import dagster as dg

from pipelines.authority import Authority

TIMEOUT_SECONDS = 20
SMTP, SMTPS = 25, 465


class NotSent(Exception):
    """Word could not be sent; says to which server, never the whole address, which may hold a password."""


@dataclass(frozen=True)
class Recipients:
    """Where word goes: a webhook, mail addresses, or both; false where there is neither."""

    webhook: str = ""
    mail_to: tuple[str, ...] = ()
    mail_from: str = ""
    smtp: str = ""

    def __bool__(self) -> bool:
        return bool(self.webhook or self.mail_to)


@dataclass(frozen=True)
class Matter:
    """One thing that is the matter: the asset, the check (empty where the asset was not made), and a sentence."""

    asset: str
    check: str
    message: str


@dataclass(frozen=True)
class Word:
    """What is told of a run; `outcome` is `failed` or `finished`, with something to see to."""

    authority: str
    authority_code: str
    job: str
    run_id: str
    outcome: str
    matters: tuple[Matter, ...]

    @property
    def text(self) -> str:
        """All of it in plain words."""
        head = f"{self.authority}: the run of `{self.job}` " + (
            "failed; what was released before stays current."
            if self.outcome == "failed"
            else "is finished, and something has to be seen to."
        )
        lines = [
            f"- {one.asset}{f' ({one.check})' if one.check else ''}: {one.message}" for one in self.matters
        ]
        return "\n".join([head, *lines, f"Run {self.run_id}"])

    @property
    def json(self) -> str:
        """All of it as JSON; `text` is what chat programs show."""
        return json.dumps({"text": self.text, **asdict(self)}, ensure_ascii=False)


def recipients() -> Recipients:
    """As the environment says."""
    to = tuple(one.strip() for one in os.environ.get("PLACES_MAIL_TO", "").split(",") if one.strip())
    return Recipients(
        os.environ.get("PLACES_WEBHOOK", ""), to, os.environ.get("PLACES_MAIL_FROM", ""),
        os.environ.get("PLACES_SMTP", ""),
    )  # fmt: skip


def word_of(instance: dg.DagsterInstance, run: dg.DagsterRun, authority: Authority) -> Word | None:
    """What there is to tell of a finished run; None where all went well."""
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.ASSET_CHECK_EVALUATION}
    matters: list[Matter] = []
    for record in instance.get_records_for_run(run.run_id, of_type=kinds).records:
        event = record.event_log_entry.dagster_event
        if event is None:
            continue
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            found = event.asset_check_evaluation_data
            if not found.passed:
                asset = ".".join(found.asset_key.path)
                matters.append(Matter(asset, found.check_name, found.description or "did not pass"))
        else:
            told = event.step_failure_data.user_failure_data
            # Only what this software says itself is passed on: another message may quote a record.
            message = (told.description if told else None) or "failed; the run's page says where"
            if not (event.step_key or "").startswith("check_"):
                matters.append(Matter((event.step_key or "").replace("__", "."), "", message))
    failed = run.status != dg.DagsterRunStatus.SUCCESS
    if failed and not matters:
        matters.append(Matter(run.job_name, "", "the run ended before its work was done"))
    if not matters:
        return None
    about = authority.about
    outcome = "failed" if failed else "finished"
    return Word(about.name, about.code, run.job_name, run.run_id, outcome, tuple(dict.fromkeys(matters)))


def send(word: Word, to: Recipients) -> None:
    """Send it by every way that there is. Raises `NotSent` at the end where one of them failed."""
    failures = []
    for way, is_asked in ((_post, bool(to.webhook)), (_mail, bool(to.mail_to))):
        if is_asked:
            try:
                way(word, to)
            except (OSError, smtplib.SMTPException, urllib.error.URLError, ValueError) as error:
                host = urlsplit(to.webhook if way is _post else _smtp(to).geturl()).hostname
                failures.append(
                    f"{'webhook' if way is _post else 'e-mail'} by {host}: {type(error).__name__}"
                )
    if failures:
        raise NotSent(f"word of run {word.run_id} was not sent: {'; '.join(failures)}")


def _post(word: Word, to: Recipients) -> None:
    if urlsplit(to.webhook).scheme not in ("http", "https"):
        raise ValueError("wanted PLACES_WEBHOOK to begin with https:// or http://")
    request = urllib.request.Request(
        to.webhook, word.json.encode(), {"Content-Type": "application/json; charset=utf-8"}
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):
        pass


def _smtp(to: Recipients) -> SplitResult:
    return urlsplit(to.smtp if "://" in to.smtp else f"smtp://{to.smtp or 'localhost'}")


def _mail(word: Word, to: Recipients) -> None:
    server = _smtp(to)
    message = EmailMessage()
    message["Subject"] = (
        f"{word.authority}: {word.job} {'failed' if word.outcome == 'failed' else 'needs a look'}"
    )
    message["From"], message["To"] = to.mail_from or to.mail_to[0], ", ".join(to.mail_to)
    message.set_content(word.text)
    host, context = server.hostname or "localhost", ssl.create_default_context()
    if server.scheme == "smtps":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(
            host, server.port or SMTPS, timeout=TIMEOUT_SECONDS, context=context
        )
    else:
        connection = smtplib.SMTP(host, server.port or SMTP, timeout=TIMEOUT_SECONDS)
    with connection:
        connection.ehlo()
        if server.scheme != "smtps" and connection.has_extn("starttls"):
            connection.starttls(context=context)
            connection.ehlo()
        if server.username:
            connection.login(unquote(server.username), unquote(server.password or ""))
        connection.send_message(message)
