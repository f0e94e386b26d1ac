"""A list of commands as CSV, parsed so that a fault has a line and a column, and held against the journal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from service.operations.sentence import Sentence, sentence
from service.store.money import STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from service.store.money import CommandRow

LINES_MAX = 10_000
CELL_MAX = 500
NAMES = ("command_id", "amount", "currency", "status")
AMOUNT_DIGITS_MAX = 16
_END = re.compile(r"[,\n]")
_CURRENCY = re.compile(r"[A-Z]{3}")


class UploadError(Exception):
    """The list is garbled."""

    def __init__(self, line: int, column: int, what: Sentence) -> None:
        """Take where, both from 1, and what is wrong there."""
        super().__init__(what)
        self.line = line
        self.column = column
        self.what = what


class Cell(NamedTuple):
    """One field and where it begins."""

    text: str
    line: int
    column: int


class Listed(NamedTuple):
    """One line of the list."""

    line: int
    command_id: str
    amount: int | None
    currency: str | None
    status: str | None


class Found(NamedTuple):
    """One line, held against the journal."""

    listed: Listed
    finding: str
    """One of FINDINGS."""
    command: CommandRow | None


SAME = "same"
FINDINGS: Mapping[str, Sentence] = {
    SAME: sentence("as in the journal"),
    "unknown": sentence("no such command in the journal"),
    "repeated": sentence("listed twice"),
    "amount_differs": sentence("another amount"),
    "currency_differs": sentence("another currency"),
    "status_differs": sentence("another status"),
}


def listed_in(raw: bytes) -> list[Listed]:
    """Return the lines of a list. Raises UploadError."""
    rows = list(_rows(_text(raw)))
    if not rows:
        raise UploadError(1, 1, sentence("There is nothing in this list."))
    names = [cell.text.strip().lower() for cell in rows[0]]
    if "command_id" not in names:
        raise UploadError(1, 1, sentence("The first line has to name the columns, one of them command_id."))
    for cell, name in zip(rows[0], names, strict=True):
        if names.count(name) > 1:
            raise UploadError(cell.line, cell.column, sentence("Two columns have one name."))
    return [_listed(names, row) for row in rows[1:]]


def compared(lists: Sequence[Listed], known: Mapping[str, CommandRow]) -> list[Found]:
    """Hold the lines against the journal's commands."""
    seen: set[str] = set()
    found = []
    for one in lists:
        command = known.get(one.command_id)
        found.append(Found(one, "repeated" if one.command_id in seen else _finding(one, command), command))
        seen.add(one.command_id)
    return found


def _finding(one: Listed, command: CommandRow | None) -> str:
    if command is None:
        return "unknown"
    if one.currency is not None and one.currency != command.currency:
        return "currency_differs"
    if one.amount is not None and one.amount != command.amount:
        return "amount_differs"
    if one.status is not None and one.status != command.status:
        return "status_differs"
    return SAME


def _listed(names: Sequence[str], row: Sequence[Cell]) -> Listed:
    if len(row) != len(names):
        last = row[-1]
        words = sentence("{found} columns, but the first line names {named}.", found=len(row), named=len(names))
        raise UploadError(last.line, last.column, words)
    cells = dict(zip(names, row, strict=True))
    id_ = cells["command_id"]
    if not id_.text.strip():
        raise UploadError(id_.line, id_.column, sentence("There is no command here."))
    return Listed(
        id_.line,
        id_.text.strip(),
        _amount(cells.get("amount")),
        _matching(cells.get("currency"), sentence("A currency is three capital letters, such as CNY."), _CURRENCY),
        _status(cells.get("status")),
    )


def _amount(cell: Cell | None) -> int | None:
    text = "" if cell is None else cell.text.strip()
    if cell is None or not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= AMOUNT_DIGITS_MAX):
        raise UploadError(cell.line, cell.column, sentence("An amount is a whole number of minor units."))
    return int(text)


def _matching(cell: Cell | None, what: Sentence, pattern: re.Pattern[str]) -> str | None:
    text = "" if cell is None else cell.text.strip()
    if cell is None or not text:
        return None
    if not pattern.fullmatch(text):
        raise UploadError(cell.line, cell.column, what)
    return text


def _status(cell: Cell | None) -> str | None:
    text = "" if cell is None else cell.text.strip()
    if cell is None or not text:
        return None
    if text not in STATUSES:
        names = ", ".join(STATUSES)
        raise UploadError(cell.line, cell.column, sentence("A status is one of {names}.", names=names))
    return text


def _text(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # With a byte order mark, the place is counted after it.
        before = raw[len(raw) - len(error.object) :][: error.start].decode("utf-8", "replace").split("\n")
        raise UploadError(len(before), len(before[-1]) + 1, sentence("This is no UTF-8.")) from None
    nul = text.find("\0")
    if nul >= 0:
        before = text[:nul].split("\n")
        raise UploadError(len(before), len(before[-1]) + 1, sentence("This is no text."))
    return text


def _rows(text: str) -> Iterator[list[Cell]]:
    """Yield the lines of RFC 4180 that are not empty. Raises UploadError."""
    reader = _Reader(text)
    count = 0
    while (row := reader.row()) is not None:
        if len(row) == 1 and not row[0].text.strip():
            continue
        count += 1
        if count > LINES_MAX + 1:
            raise UploadError(row[0].line, 1, sentence("A list has at most {most} commands.", most=LINES_MAX))
        yield row


class _Reader:
    """Reads field by field, and knows where it is."""

    def __init__(self, text: str) -> None:
        self._text = text.replace("\r\n", "\n").replace("\r", "\n")
        self._at = 0
        self._line = 1
        self._begins = 0
        """The number of the line's first character."""

    def row(self) -> list[Cell] | None:
        """Return the fields up to the end of the line; None at the end."""
        if self._at >= len(self._text):
            return None
        cells = [self._cell()]
        while self._next() == ",":
            self._at += 1
            cells.append(self._cell())
        if self._next() == "\n":
            self._at += 1
            self._new_line()
        return cells

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _new_line(self) -> None:
        self._line += 1
        self._begins = self._at

    def _cell(self) -> Cell:
        line, column = self._line, self._at - self._begins + 1
        text = self._quoted(line, column) if self._next() == '"' else self._bare()
        if len(text) > CELL_MAX:
            raise UploadError(line, column, sentence("A field has at most {most} characters.", most=CELL_MAX))
        return Cell(text, line, column)

    def _bare(self) -> str:
        begin = self._at
        end = _END.search(self._text, begin)
        self._at = len(self._text) if end is None else end.start()
        text = self._text[begin : self._at]
        if '"' in text:
            column = begin - self._begins + text.index('"') + 1
            words = sentence("A quotation mark stands within a field that has none around it.")
            raise UploadError(self._line, column, words)
        return text

    def _quoted(self, line: int, column: int) -> str:
        pieces = []
        begin = self._at + 1
        while True:
            end = self._text.find('"', begin)
            if end < 0:
                raise UploadError(line, column, sentence("A quotation mark is opened here and never closed."))
            pieces.append(self._text[begin:end])
            if self._text[end + 1 : end + 2] != '"':
                break
            pieces.append('"')
            begin = end + 2
        text = "".join(pieces)
        for _ in range(text.count("\n")):
            self._line += 1
        if "\n" in text:
            self._begins = self._text.rindex("\n", self._at, end) + 1
        self._at = end + 1
        if self._next() not in ("", ",", "\n"):
            column = self._at - self._begins + 1
            raise UploadError(self._line, column, sentence("After a closing quotation mark there has to be a comma."))
        return text
