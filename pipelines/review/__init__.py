"""The review queue: addresses that no rule may settle, put before a person, and what the person decided.

`decisions` keeps what was decided and says when it still holds; `queue` finds what is to be settled or looked at again;
`worksheet` and `page` write it out for a person; `reading` reads the answers back; `spreadsheet` is CSV that survives a
spreadsheet. Everything here is restricted: nothing of it is published, and no address gets into a message or a journal.
How an address is matched is `address`; the command is `commands.review`.
"""

from pipelines.review.decisions import FOLDER, DecisionsUnreadable, Ruling, read_decisions, still_holds
from pipelines.review.queue import uprns_in_use
from pipelines.review.worksheet import remove_outdated, remove_worksheets

__all__ = [
    "FOLDER",
    "DecisionsUnreadable",
    "Ruling",
    "read_decisions",
    "remove_outdated",
    "remove_worksheets",
    "still_holds",
    "uprns_in_use",
]
