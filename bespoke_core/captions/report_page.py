"""An audit's report for people: one page that opens anywhere, the same as Markdown, and every finding."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from .. import __version__
from ..files import check_report_folder, whole_folder, write_bytes
from .findings import Finding
from .page_parts import (
    card,
    colour_words,
    headline,
    kinds_found,
    length_chart,
    table_row,
    tiles,
)
from .report import audit_text, length_words
from .todo import UNUSABLE, what_to_do

if TYPE_CHECKING:
    from .audit import Audit

FILES = {"html": "report.html", "markdown": "report.md", "findings": "findings.jsonl"}

_TEMPLATE = Path(__file__).with_name("report_page.html.jinja")
_SCRIPT = Path(__file__).with_name("report_page.js.jinja")
_ODD = "backslashreplace"  # a file's name may hold bytes that are no text
_MOST_ROWS = 3000  # findings in the page's table; more make it slow to open
_MOST_UNUSABLE = 300
_MOST_PHRASES = 20  # shown at once; the rest folds out


class AuditReport:
    """Writes a report whole or not at all, its findings while the audit still runs.

    Use it as a context manager: hand `add` to `audit_dataset` as `on_finding`, then call `write`::

        with AuditReport(folder) as report:
            audit = audit_dataset(dataset, keep=1000, on_finding=report.add)
            report.write(audit)

    Args:
        folder: gets the files of `FILES`; an earlier report of ours there is replaced.
        title: what was audited, for the page's head, such as the folder's name.

    Raises:
        InputError: the folder holds files that are not a report's.
        OSError: writing failed; an earlier report is still there.
    """

    def __init__(self, folder: Path, *, title: str = "") -> None:
        self.folder = Path(folder)
        self._title = title
        self._stack = ExitStack()
        self._added = 0
        self._first: list[Finding] = []
        self._unusable: list[Finding] = []
        self._written = False

    def __enter__(self) -> AuditReport:
        check_report_folder(self.folder, FILES.values())
        with ExitStack() as stack:
            self._building = stack.enter_context(whole_folder(self.folder))
            self._lines: IO[str] = stack.enter_context(
                (self._building / FILES["findings"]).open("w", encoding="utf-8", errors=_ODD, newline="\n")
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and not self._written:
            error = RuntimeError("the report was left without write(audit)")
            self._stack.__exit__(type(error), error, None)
            raise error
        self._stack.__exit__(kind, error, trace)

    def add(self, found: Finding) -> None:
        """Write one finding."""
        self._lines.write(json.dumps(found.to_dict(), ensure_ascii=False) + "\n")
        self._added += 1
        if len(self._first) < _MOST_ROWS:
            self._first.append(found)
        if found.finding in UNUSABLE and len(self._unusable) < _MOST_UNUSABLE:
            self._unusable.append(found)

    def write(self, audit: Audit) -> dict[str, Path]:
        """Write the page and the Markdown; the findings, too, where none was added.

        Returns:
            The kind of each file to its path, where it is once the `with` block has ended.
        """
        for found in audit.findings if not self._added else ():
            self.add(found)
        self._lines.close()
        page = audit_html(audit, self._first, unusable=self._unusable, title=self._title)
        for name, text in ((FILES["markdown"], audit_text(audit)), (FILES["html"], page)):
            write_bytes(self._building / name, text.encode("utf-8", _ODD))
        self._written = True
        return {kind: self.folder / name for kind, name in FILES.items()}


def write_audit_report(folder: Path, audit: Audit, *, title: str = "") -> dict[str, Path]:
    """Write the report of an audit that holds its findings, whole or not at all; see `AuditReport`."""
    with AuditReport(folder, title=title) as report:
        return report.write(audit)


def audit_html(
    audit: Audit,
    findings: Sequence[Finding] | None = None,
    *,
    unusable: Sequence[Finding] | None = None,
    title: str = "",
) -> str:
    """Return the report as one page that needs no other file and no network.

    Captions are hostile text: all that comes from a data set is escaped, and the page's own policy lets no
    script run but the one that sorts and filters its table.

    Args:
        audit: what was found.
        findings: for the table, the first some thousand; by default those of the audit.
        unusable: the findings about files that cannot be used; by default those among `findings`.
        title: what was audited.
    """
    from jinja2 import Environment, StrictUndefined

    rows = list(audit.findings if findings is None else findings)[:_MOST_ROWS]
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    script = _SCRIPT.read_text(encoding="utf-8")
    found = audit.statistics
    context: dict[str, Any] = {
        "title": title,
        "headline": headline(audit),
        "tiles": tiles(audit),
        "steps": what_to_do(audit),
        "kinds": kinds_found(audit),
        "cards": [card(worst) for worst in audit.worst],
        "chart": length_chart(found.tokens, found.cleaned_tokens),
        "length_words": length_words(found),
        "phrases": found.phrases,
        "shown_phrases": _MOST_PHRASES,
        "phrase_error": found.phrase_error,
        "beginning": found.beginning,
        "features": colour_words(found),
        "coverage": found.coverage,
        "unusable": list(unusable if unusable is not None else (r for r in rows if r.finding in UNUSABLE)),
        "unusable_in_all": sum(audit.places.get(kind, 0) for kind in UNUSABLE),
        "rows": [table_row(row) for row in rows],
        "total": audit.total,
        "script": script,
        "script_hash": base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii"),
        "version": __version__,
    }
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(context)
