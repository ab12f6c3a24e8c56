"""`places check`: what an extract holds, what is wrong with its identifiers, and what would be placed and how."""

from __future__ import annotations

import argparse
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from pipelines import check
from pipelines.authority import Authority, Dataset, Files, load_authority
from pipelines.check import Asked, Checked
from pipelines.commands.terminal import FINE, REFUSED, UNUSABLE, Commands, as_columns, indented, say
from pipelines.descriptions import DescriptionError, Problem, nearest
from pipelines.draw.checked import KEYS, PRECISIONS, ROLES, TYPES, filled_percent, in_a_sentence, page
from pipelines.formats import FileRefused
from pipelines.profile import ColumnProfile
from pipelines.run import Output
from pipelines.warehouse import replace_text

DESCRIPTION = """\
Profiles an extract (CSV, XLSX, Parquet, GeoPackage, GeoJSON, or a ZIP file with one CSV), reports what is wrong with
its UPRNs, postcodes, coordinates and codes, and says what would be placed, how precisely, and by which key. What is
shown here is counts and forms (digits as 9, letters as A), never a value. The rows to mend, with what was found in
columns of identifiers, go to a list in the restricted folder, beside a page with the whole report. The file itself is
only read.
"""
EXAMPLES = """\
examples:
  places check licences.csv                              by form alone: no authority is needed
  places check licences.xlsx --sheet Current --uprn "Property no" --address "Addr 1" --address Town
  places check licences.csv --gazetteer our_llpg.csv     asks a gazetteer: uprn, address, and more columns if there are
  places check licences.csv --authority /secure/ourcouncil --output /secure/output
                                                         asks what the last run of that authority read
  places check --dataset council_tax --authority /secure/ourcouncil --output /secure/output
                                                         the newest extract of a dataset, by its description
  places check new.csv --dataset council_tax --authority /secure/ourcouncil --output /secure/output

exit codes: 0 nothing has to be mended (warnings may be worth a look); 3 something has to be mended, or rows would be
rejected for a mistake; 2 the file, or what it is to be checked against, cannot be used; 1 the report cannot be written.
"""
# What a user says a column is: option, role.
COLUMN_OPTIONS = (
    ("uprn", "uprn"), ("address", "address_line"), ("postcode", "postcode"), ("easting", "easting"),
    ("northing", "northing"), ("longitude", "longitude"), ("latitude", "latitude"), ("area", "area_code"),
)  # fmt: skip
MOST_FINDINGS, WIDEST_HEADER, WIDEST_FORM = 30, 30, 34


def add(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """`places check`."""
    parser = commands.add_parser(
        "check", help="say what an extract holds, what is wrong with its identifiers, and what would be placed",
        description=DESCRIPTION, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="the extract (else the newest of --dataset)"
    )
    # Not those of the other commands: to hold anybody's file against the invented borough would tell nothing.
    named = os.environ.get("AUTHORITY")
    parser.add_argument(
        "--authority", type=Path, default=Path(named) if named else None, metavar="DIR",
        help="the authority whose last run knows the gazetteer (else $AUTHORITY, else none)",
    )  # fmt: skip
    parser.add_argument(
        "--data", type=Path, default=None, metavar="DIR", help="the folder of {data} in descriptions"
    )
    parser.add_argument(
        "--output", type=Path, default=Path(os.environ.get("OUTPUT") or "output"), metavar="DIR",
        help="where that run is, and where the report goes: DIR/restricted/check (else $OUTPUT, else output)",
    )  # fmt: skip
    parser.add_argument("--dataset", metavar="NAME", help="read FILE by this dataset's description")
    parser.add_argument(
        "--gazetteer", type=Path, metavar="G.csv", help="a gazetteer in a file, instead of an authority's"
    )
    parser.add_argument("--report", type=Path, metavar="DIR", help="where the report goes instead")
    parser.add_argument(
        "--sheet", default="", metavar="NAME", help="sheet of a workbook, or layer of a GeoPackage"
    )
    parser.add_argument(
        "--header-row", type=int, default=0, metavar="N", help="row of the headers, if not found by itself"
    )
    parser.add_argument("--encoding", default="", help="encoding of the text, such as cp1252")
    for option, _ in COLUMN_OPTIONS:
        many = " (again for each line)" if option == "address" else ""
        parser.add_argument(
            f"--{option}",
            action="append",
            default=[],
            metavar="COLUMN",
            help=f"the column that is the {option}{many}",
        )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser.set_defaults(do=do_check)


def do_check(chosen: argparse.Namespace) -> int:
    """Check one file and report."""
    try:
        path, asked, notes = _asked(chosen)
        folder, is_own = _folder(chosen, path)
        with check.checking(path, asked, folder) as (con, checked):
            rows = check.write_rows_to_mend(con, folder)
            replace_text(folder / "report.html", page(checked))
            (folder / "report.html").chmod(stat.S_IRUSR | stat.S_IWUSR)
    except FileRefused as error:
        if chosen.debug:
            raise
        say(
            f"places check: {f'{chosen.file} cannot be used: ' if chosen.file else ''}{_by_option(chosen, str(error))}"
        )
        return UNUSABLE
    for line in report(checked):
        print(line)
    print()
    for note in notes:
        print(note)
    print(f"Report: {(folder / 'report.html').as_posix()}")
    print(f"Rows to mend: {rows.as_posix()} ({checked.rows_to_mend:,} line(s))")
    if is_own:
        say(
            "The list of rows to mend holds UPRNs, postcodes and coordinates of the file: keep it where the file "
            "is kept."
        )
    return REFUSED if checked.has("error") else FINE


def _asked(chosen: argparse.Namespace) -> tuple[Path, Asked, list[str]]:
    """The file, what it is checked against, and what to tell of that."""
    authority = load_authority(chosen.authority, chosen.data) if chosen.authority else None
    output = Output(chosen.output)
    dataset = None
    notes = []
    path = chosen.file
    if chosen.dataset:
        if authority is None:
            raise FileRefused("wanted the authority that describes the dataset: say which by --authority")
        dataset = _dataset(authority, chosen.dataset)
        if path is None:
            authority.hold_to_data_folder()
            files = authority.dataset_files(dataset)
            if not files:
                raise FileRefused(f"wanted an extract of {dataset.name}; found none beside its description")
            path = files[-1]
            if len(files) > 1:
                notes.append(
                    f"The newest of {len(files)} files of {dataset.name} was checked; name another to check that."
                )
    if path is None:
        raise FileRefused("wanted the name of a file, or --dataset with --authority")
    if not path.exists():
        raise FileRefused("there is no such file")
    asked = Asked(
        authority, output, chosen.gazetteer, dataset,
        {role: tuple(getattr(chosen, option)) for option, role in COLUMN_OPTIONS if getattr(chosen, option)},
        Files(
            sheet=chosen.sheet, layer=chosen.sheet, header_row=chosen.header_row, encoding=_encoding(chosen.encoding)
        ),
    )  # fmt: skip
    if authority is not None and asked.gazetteer is None and asked.warehouse is None:
        notes.append(
            f"{authority.about.name} has no finished run in {chosen.output}: nothing was asked of its gazetteer. "
            f"`places run` makes one; --output says where it is."
        )
    return path, asked, notes


def _by_option(chosen: argparse.Namespace, reason: str) -> str:
    """A reason to refuse a file that tells the option to give, where there is no description to write it into."""
    if chosen.dataset:
        return reason
    for key, option in (("sheet", "sheet"), ("layer", "sheet"), ("encoding", "encoding")):
        reason = reason.replace(f"state `{key}:`", f"say which by --{option}")
    return reason


def _encoding(name: str) -> str:
    try:
        "".encode(name or "utf-8")
    except LookupError:
        raise FileRefused(
            f"`{name}` is not an encoding that is known, such as utf-8, cp1252, utf-16"
        ) from None
    return name


def _dataset(authority: Authority, name: str) -> Dataset:
    for broken in authority.broken:
        if broken.name == name:
            raise DescriptionError(list(broken.problems))
    known = {dataset.name: dataset for dataset in authority.datasets}
    if name not in known:
        message = f"`{name}` is not a dataset of {authority.about.name}{nearest(name, sorted(known))}"
        raise DescriptionError([Problem("--dataset", 0, 0, message)])
    return known[name]


def _folder(chosen: argparse.Namespace, path: Path) -> tuple[Path, bool]:
    """The folder of the report, made for its owner alone; whether the user chose it."""
    if chosen.report:
        chosen.report.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
        return chosen.report, True
    output = Output(chosen.output)
    output.restricted.mkdir(parents=True, exist_ok=True)
    output.restricted.chmod(stat.S_IRWXU)
    folder = output.restricted / "check" / path.name
    for made in (folder.parent, folder):
        made.mkdir(mode=stat.S_IRWXU, exist_ok=True)
    return folder, False


# --- in the terminal -------------------------------------------------------------------------------------------------


def report(checked: Checked) -> Iterator[str]:
    """The answer as lines for a terminal: counts and forms, no value."""
    yield f"{checked.name}: {in_a_sentence(checked)}"
    yield from checked.notes
    yield "\nColumns"
    head = ("column", "holds", "filled", "different", "most often written", "thought to be")
    lines = [head, *(_column(checked, column) for column in checked.profile.columns)]
    yield indented(_aligned(lines))
    yield "\nIdentifiers"
    for verdict in checked.verdicts:
        grave = "" if verdict.severity == "fine" else f"{verdict.severity}: "
        yield f"  {verdict.column} ({ROLES[verdict.role]}): {grave}{verdict.sentence}"
    if not checked.verdicts:
        yield "  No UPRN, postcode, coordinates or area code was found in any column."
    if checked.findings:
        yield "\nWhat is wrong, and who can mend it"
    told: set[str] = set()
    for finding in checked.findings[:MOST_FINDINGS]:
        about = finding.about
        rows = "1 row" if finding.rows == 1 else f"{finding.rows:,} rows"
        first = f" (first: {', '.join(map(str, finding.first_rows))})" if finding.first_rows else ""
        yield f"  {about.severity:<8}{finding.issue}: {rows}{f' of {finding.column}' if finding.column else ''}{first}"
        if finding.forms:
            alike = f"; one value on {finding.most_alike:,} rows" if finding.most_alike > 1 else ""
            yield f"          written {', '.join(f'{_short(form)} ({rows:,})' for form, rows in finding.forms)}{alike}"
        if finding.issue in told:
            continue
        told.add(finding.issue)
        yield f"          {about.meaning}"
        if about.severity != "info":
            yield f"          {about.who_fixes}: {about.how_to_fix}"
    if len(checked.findings) > MOST_FINDINGS:
        yield f"  ... and {len(checked.findings) - MOST_FINDINGS} more, in the report"
    yield from _read(checked)
    yield from _placing(checked)


def _column(checked: Checked, column: ColumnProfile) -> tuple[str, ...]:
    form = _short(column.forms[0].form) if column.forms else ""
    role = checked.roles.get(column.header, column.role.role)
    sure = f" ({column.role.sureness})" if role == column.role.role else ""
    key = " key" if column.is_key else ""
    holds = TYPES[column.type] + (f", {column.date_format}" if column.date_format else "")
    return (
        _short(column.header, WIDEST_HEADER), holds, filled_percent(column), f"{column.distinct:,}{key}", form,
        f"{ROLES[role]}{sure}" + (" - personal" if column.personal and role != "personal" else ""),
    )  # fmt: skip


def _aligned(lines: list[tuple[str, ...]]) -> str:
    """Texts flush left, the two columns of numbers flush right."""
    texts = as_columns([line[:2] for line in lines], left=2).splitlines()
    numbers = as_columns([("", *line[2:4]) for line in lines]).splitlines()
    rest = as_columns([line[4:] for line in lines], left=2).splitlines()
    wide = [max(map(len, part)) for part in (texts, numbers)]
    return "\n".join(
        f"{text.ljust(wide[0])}{number.ljust(wide[1])}  {other}".rstrip()
        for text, number, other in zip(texts, numbers, rest, strict=True)
    )


def _short(text: str, most: int = WIDEST_FORM) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _read(checked: Checked) -> Iterator[str]:
    if (read := checked.read) is None:
        return
    yield f"\nWhat would be read, by the description of {read.dataset}"
    yield f"  {read.rows_read:,} rows = {read.rows_kept:,} kept + {read.rows_rejected:,} rejected"
    for column, reason, rows in read.rejected:
        yield f"  {rows:,} rejected{f', {column}' if column else ''}: {reason}"
    if read.left_out:
        yield f"  columns that do not enter, since the description does not name them: {', '.join(read.left_out)}"


def _placing(checked: Checked) -> Iterator[str]:
    placing = checked.placing
    if placing is None:
        yield "\nWhat could place the rows (by form alone: no gazetteer was asked)"
        yield indented(as_columns([(KEYS[key], f"{rows:,}") for key, rows in checked.could]))
        return
    yield f"\nWhat would be placed, asked of {placing.asked}"
    rows = max(1, placing.rows)
    lines = [
        (f"by {KEYS[key]}", f"to {PRECISIONS[precision]}", f"{count:,}", f"{100 * count / rows:.1f}%")
        for key, precision, count in placing.placed
        if key != "none"
    ]
    lines += [
        (
            "not placed",
            check.FINDINGS[reason].meaning.removeprefix("No place: "),
            f"{count:,}",
            f"{100 * count / rows:.1f}%",
        )
        for reason, count in placing.unplaced
    ]
    yield indented(as_columns(lines, left=2))
    yield "  " + "; ".join(
        f"{'not placed' if name == 'none' else name} {count:,}"
        for name, count in placing.by_precision.items()
    )
    for note in placing.notes:
        yield f"  {note}"
