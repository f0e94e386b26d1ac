"""Logs on stderr: one line per event, as JSON or for people. Never a record's content, never a flood.

Our own lines are written with structlog: a name, a sentence and fields.

    log.warning("database_retry", message="Work on the database failed; retrying.", task=task, failures=failures)

Name and sentence are constants, so both can be found in the code; what changes goes into fields
(`tests/house/test_log_lines.py`). A line of a library has its text as `message` and no `event`. All lines go through
the standard library's root logger.
"""

import logging
import sys
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor

from service.runtime.console_url import link_of_line
from service.runtime.errors import describe, places

BURST = 10
WINDOW = 30.0
KINDS_REMEMBERED = 1000

# Libraries whose INFO lines help only to debug them. At DEBUG aiokafka shows passwords and tokens, and AWS's show
# their signing keys.
QUIET = ("aiokafka", "asyncio", "boto3", "botocore", "faststream", "urllib3")


class FloodGate(logging.Filter):
    """Let through `burst` lines of one kind (logger, level, event) per `window` seconds.

    The next line of that kind has the number of lines left out as `suppressed`. While a broker is away, aiokafka
    logs thousands of lines per minute.
    """

    def __init__(self, burst: int = BURST, window: float = WINDOW, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._burst = burst
        self._window = window
        self._clock = clock
        # kind -> [window's start, passed in it, suppressed since the last that passed]; the oldest kinds
        # fall out.
        self._kinds: OrderedDict[tuple[str, int, str], list[float]] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        wording = record.msg.get("event", "") if isinstance(record.msg, dict) else record.msg
        kind = (record.name, record.levelno, str(wording)[:200])
        now = self._clock()
        state = self._kinds.setdefault(kind, [now, 0, 0])
        self._kinds.move_to_end(kind)
        if len(self._kinds) > KINDS_REMEMBERED:
            self._kinds.popitem(last=False)
        if now - state[0] >= self._window:
            state[0], state[1] = now, 0
        if state[1] >= self._burst:
            state[2] += 1
            return False
        state[1] += 1
        if state[2]:
            record.suppressed = int(state[2])
            state[2] = 0
        return True


def configure(
    form: Literal["json", "console", "auto"] = "auto",
    level: str = "info",
    stream: TextIO | None = None,
    *,
    process: int | None = None,
    console_url: str = "",
) -> None:
    """Send every log event of the process to `stream` (stderr), one line per event. `process` is its number under a
    supervisor. With `console_url`, a line about an order or a record has its page there as `page`.
    """
    stream = stream or sys.stderr
    console = form == "console" or (form == "auto" and stream.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        partial(_with_number, process),
        partial(_with_page, console_url),
        _without_content,
    ]
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=stream.isatty(), event_key="message")
        if console
        else structlog.processors.JSONRenderer(ensure_ascii=False, default=_class_only)
    )
    handler = logging.StreamHandler(stream)
    handler.addFilter(FloodGate())
    handler.setFormatter(_formatter(shared, renderer))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _formatter(shared: list[Processor], renderer: Processor) -> logging.Formatter:
    """Return the formatter for the service's own events and, through `shared` first, for those of libraries."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            _suppressed,
            _library_text,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _ordered,
            renderer,
        ],
    )


def hush_clients() -> None:
    """Drop the log of Kafka's client, for commands that report errors themselves."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def _without_content(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Replace an exception by its class and places, and join lines."""
    info = event.pop("exc_info", None)
    error = info if isinstance(info, BaseException) else info[1] if isinstance(info, tuple) else None
    if info is True:
        error = sys.exc_info()[1]
    if error is not None:
        event["error"] = describe(error)
        event["at"] = places(error)
    for name in event.keys() & {"event", "message"}:
        event[name] = " ".join(str(event[name]).split())
    return event


def _library_text(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Move the text of a library to `message`, because it has no event name."""
    if not event.get("_from_structlog"):
        event["message"] = event.pop("event")
    return event


def _with_number(process: int | None, _logger: Any, _method: str, event: EventDict) -> EventDict:
    if process is not None:
        event.setdefault("process", process)
    return event


def _with_page(console_url: str, _logger: Any, _method: str, event: EventDict) -> EventDict:
    """Add the page of the order or record that a line is about."""
    page = link_of_line(console_url, event) if console_url else None
    if page is not None:
        event.setdefault("page", page)
    return event


def _suppressed(_logger: Any, _method: str, event: EventDict) -> EventDict:
    count = getattr(event.get("_record"), "suppressed", 0)
    if count:
        event["suppressed"] = count
    return event


def _ordered(_logger: Any, _method: str, event: EventDict) -> EventDict:
    first = {name: event.pop(name) for name in ("timestamp", "level", "event", "message") if name in event}
    return {**first, **event}


def _class_only(value: Any) -> str:
    """Return the class of a value that is no JSON, because its `repr` may contain content."""
    return type(value).__name__
