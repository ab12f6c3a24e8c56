"""Reports on files that could not be used: what was wanted, what was found and where, what to do, who answers for it.

Here belongs a report and when it goes. A file is refused by `ingest` and stays where it is: it is the council's.
Reports are in `restricted/quarantine/<table>/<file>/`, as a page and as Markdown; they hold names of columns, row
numbers and counts, never a value of a record. Whether what was read before stays in use is `run`.
"""

from __future__ import annotations

import difflib
import re
import shutil
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from markupsafe import Markup

from pipelines.authority import Authority, Dataset, Source, match_headers
from pipelines.draw.document import Block, Document, Grid, Items, Section, Words, as_markdown, blocks_of
from pipelines.draw.page import content_security_policy, own_script, own_style, render
from pipelines.formats import FileRefused, open_rows
from pipelines.warehouse import replace_text

FOLDER = "quarantine"
REPORT, AS_TEXT = "report.html", "report.md"


@dataclass(frozen=True)
class Refused:
    """A file that was refused, as it is shown, and why; `path` is where it is, None where it is gone since."""

    file: str
    reason: str
    path: Path | None


def folder_of(restricted: Path, table: str) -> Path:
    """Where the reports of a dataset or source are, whether there are any or not."""
    return restricted / FOLDER / table


def reports(restricted: Path, table: str) -> list[Path]:
    """The reports (HTML) on files of a dataset or source, by file."""
    return sorted(folder_of(restricted, table).glob(f"*/{REPORT}"))


def report(
    restricted: Path, authority: Authority, described: Source | Dataset, refused: Sequence[tuple[str, str]],
    in_use: Sequence[str],
) -> list[Path]:  # fmt: skip
    """Write a report on each refused file (as shown, and why), and take away those on files that are refused no longer.

    `in_use` are the files that the table holds now, as shown. Returns the reports. The same again gives the same bytes.
    """
    folder = folder_of(restricted, described.name)
    paths = (
        authority.source_files(described)
        if isinstance(described, Source)
        else authority.dataset_files(described)
    )
    by_name = {authority.shown(path): path for path in paths}
    written: dict[str, Path] = {}
    for file, reason in refused:
        name = _free_name(PurePosixPath(file).name, written)
        own = folder / name
        own.mkdir(parents=True, exist_ok=True)
        for closed in (folder.parent, folder, own):
            closed.chmod(stat.S_IRWXU)
        document = _document(authority, described, Refused(file, reason, by_name.get(file)), in_use)
        replace_text(own / AS_TEXT, as_markdown(document, authority.about.name))
        replace_text(own / REPORT, _page(document, authority.about.name))
        written[name] = own / REPORT
    for left in folder.glob("*"):
        if left.name not in written:
            shutil.rmtree(left, ignore_errors=True)
    if not written and folder.exists():
        folder.rmdir()
    return list(written.values())


def clear_all_but(restricted: Path, tables: Iterable[str]) -> None:
    """Take away the reports of datasets that are no longer there."""
    known = set(tables)
    for folder in (restricted / FOLDER).glob("*"):
        if folder.name not in known:
            shutil.rmtree(folder, ignore_errors=True)


def _free_name(name: str, taken: Iterable[str]) -> str:
    used = {one.casefold() for one in taken}
    free, count = name, 1
    while free.casefold() in used:
        count += 1
        free = f"{name}-{count}"
    return free


def _document(
    authority: Authority, described: Source | Dataset, refused: Refused, in_use: Sequence[str]
) -> Document:
    wanted, found, to_do = _in_parts(refused.reason)
    name = PurePosixPath(refused.file).name
    facts: list[tuple[str, str]] = [("File", refused.file)]
    if isinstance(described, Dataset):
        facts += [
            ("Dataset", f"{described.title} ({described.name})"),
            ("Who answers for it", described.owner),
        ]
    else:
        facts += [("Source", f"{described.title} ({described.name})"), ("Publisher", described.publisher)]
    facts.append(("Described in", authority.shown(described.path)))
    sections = [
        Section("What is the matter", (_listed(
            ("Wanted", wanted), ("Found", found), ("Where", _where(refused.reason))
        ),)),
        Section("What to do", (Items((*to_do, *_advice(described, refused))),)),
    ]  # fmt: skip
    if columns := _columns(described, refused.path):
        sections.append(Section("Columns", columns))
    kept: tuple[Block, ...] = (Words("Nothing of the dataset is in use: nothing was read before."),)
    if in_use:
        kept = (Words("In use until then, as the pages say:"), Items(tuple(in_use)))
    sections += [
        Section("Until it is mended", kept),
        Section("Which file", (_listed(*facts),)),
    ]
    return Document(
        f"{name} could not be used",
        "The file was left where it is, and nothing of it was read into any figure.",
        tuple(sections),
    )


def _listed(*facts: tuple[str, str]) -> Items:
    return Items(tuple(f"{name}: {text}" for name, text in facts if text))


def _in_parts(reason: str) -> tuple[str, str, tuple[str, ...]]:
    """What was wanted, what was found, and what to do, from `wanted ...; found ...: do this`."""
    wanted, _, rest = reason.partition("; ")
    if not wanted.startswith("wanted ") or not rest:
        wanted, rest = "a file that can be read whole", reason
    # Not inside what is quoted from a description.
    found, *advice = re.split(r"(?:[;:]|\.(?= [A-Z])) (?=(?:[^`]*`[^`]*`)*[^`]*$)", rest, maxsplit=1)
    return wanted.removeprefix("wanted "), found.removeprefix("found "), tuple(map(_sentence, advice))


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith(("?", ".")) else ".")


def _where(reason: str) -> str:
    rows = re.findall(r"\brows? (\d[\d, ]*\d|\d)", reason)
    named = re.findall(r"(?:column|header)s? `([^`]+)`", reason)
    parts = [f"row {row}" for row in rows] + [f"column {name}" for name in named]
    return ", ".join(parts) or "the file as a whole"


def _advice(described: Source | Dataset, refused: Refused) -> tuple[str, ...]:
    who = described.owner if isinstance(described, Dataset) else described.publisher
    name = PurePosixPath(refused.file).name
    whole = (
        [f"Ask {who} for the file again, written as before, and put it in place of {name}."] if who else []
    )
    if isinstance(described, Dataset):
        whole.append(
            f"If the extract is written otherwise from now on, say so in {described.path.name} (which header is what)."
        )
        whole.append(
            f"To see what the file holds: places check {name} --dataset {described.name}, with --authority and "
            "--output as for the run."
        )
    else:
        whole.append(
            "If it is written otherwise from now on, say which header is what in a source.yaml beside it."
        )
    return (*whole, "This report goes when a run has read a mended file, or the file is gone.")


def _columns(described: Source | Dataset, path: Path | None) -> tuple[Grid, ...]:
    """Which headers that the description names stand where; none where no row is surely the header.

    Where half of the headers wanted stand in a row, it is the header, and holds no values: then the others are named.
    """
    wanted = [header for header in described.columns if not header.startswith("/")]
    if path is None or not wanted:
        return ()

    def is_header(headers: list[str]) -> bool:
        return 2 * sum(map(bool, match_headers(dict.fromkeys(wanted), headers).values())) >= len(wanted)

    try:
        with open_rows(path, described, is_header) as rows:
            headers = [header.strip() for header in rows.headers]
            if not is_header(headers):
                return ()
    except (FileRefused, OSError):
        return ()
    found = match_headers(dict.fromkeys(wanted), headers)
    patterns = match_headers({h: None for h in described.columns if h.startswith("/")}, headers)
    named = {at for positions in (*found.values(), *patterns.values()) for at in positions}
    others = [(header, at) for at, header in enumerate(headers) if at not in named and header]
    lines = []
    for header in wanted:
        places = ", ".join(_letter(at) for at in found[header])
        like = difflib.get_close_matches(
            header.casefold(), [other.casefold() for other, _ in others], 1, cutoff=0.6
        )
        near = [f"{other} ({_letter(at)})" for other, at in others if [other.casefold()] == like]
        lines.append((header, places or "not there" + (f"; is it {near[0]}?" if near else "")))
    lines += [(header, f"{_letter(at)}: the description does not name it") for header, at in others]
    return (Grid(("Column", "Where it stands"), tuple(lines)),)


def _letter(position: int) -> str:
    """A column as a spreadsheet calls it: A, B, ..., AA."""
    letters = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _page(document: Document, authority_name: str) -> str:
    script = own_script("print.js")
    return str(
        render(
            "quarantine.html", document=document, authority_name=authority_name, body=blocks_of(document),
            policy=content_security_policy([script]), style=Markup(own_style()), script=Markup(script),
        )
    )  # fmt: skip
