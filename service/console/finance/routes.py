"""The addresses of the finance pages."""

from __future__ import annotations

from service.console.access import Right
from service.console.files import SECONDS as FILE_SECONDS
from service.console.finance import arrival_pages, export, money_pages, reconciliation_pages, what_if_pages
from service.console.finance.models import (
    ComparedModel,
    MoneyModel,
    PermutationsModel,
    ReconciliationModel,
    UploadRequest,
    WhatIfModel,
    WhatIfRequest,
)
from service.console.visit import Parameter, Route
from service.operations.money_export import MEDIA_TYPES

_DAYS = (
    Parameter("from", "First day, of Beijing, such as 2026-03-02; absent: two days before the last."),
    Parameter("to", "Last day, included; absent: today."),
)
_FILTERS = (
    Parameter("provider", "Only of this provider."),
    Parameter("currency", "Only in this currency."),
    Parameter("line", "Only of this kind of line, such as `purchase` or `tip`."),
    Parameter("clause", "Only what cites this clause, by number or address: `12`, `12(1)A`."),
    Parameter("movement", "`refund`, `deduction`, `transfer` or `hold`."),
)
_PAGE = Parameter("page", "Page, from 1.")

FINANCE: tuple[Route, ...] = (
    Route(
        "GET",
        "/money",
        Right.MONEY,
        money_pages.money_by_day,
        "Money by day, provider, currency, line and clause",
        MoneyModel,
        (
            *_DAYS,
            *_FILTERS,
            Parameter("by", "What to group by, several times: `day`, `provider`, `line`, `clauses`."),
            _PAGE,
        ),
    ),
    Route(
        "GET",
        "/money/export",
        Right.EXPORT,
        export.export,
        "Commands as a file, a row per command",
        parameters=(
            Parameter("format", "`csv` or `parquet`."),
            Parameter("from", "First day, of Beijing; absent: from the beginning."),
            Parameter("to", "Last day, included; absent: to the end."),
            *_FILTERS,
        ),
        seconds=FILE_SECONDS,
        content=tuple(MEDIA_TYPES.values()),
    ),
    Route(
        "GET",
        "/reconciliation",
        Right.MONEY,
        reconciliation_pages.reconciliation,
        "The journal against the topics and what payments reported",
        ReconciliationModel,
        (
            *_DAYS,
            *_FILTERS,
            Parameter("grace", "Days that payments have to answer: 0 to 30."),
            Parameter("after", "Where the list of open commands begins: as the page before says."),
        ),
    ),
    Route(
        "POST",
        "/reconciliation",
        Right.MONEY,
        reconciliation_pages.upload,
        "A list of commands against the journal; nothing is stored",
        ComparedModel,
        body=UploadRequest,
        body_bytes=reconciliation_pages.UPLOAD_BYTES,
        only_computes=True,
    ),
    Route("GET", "/what-if", Right.MONEY, what_if_pages.what_if_form, "A form to try other terms"),
    Route(
        "POST",
        "/what-if",
        Right.MONEY,
        what_if_pages.what_if,
        "What other terms would change; nothing is stored",
        WhatIfModel,
        body=WhatIfRequest,
        body_bytes=what_if_pages.TERMS_BYTES,
        only_computes=True,
    ),
    Route(
        "GET",
        "/orders/{order_id}/arrivals",
        Right.MONEY,
        arrival_pages.permutations,
        "An order's facts in other orders of arrival",
        PermutationsModel,
        (
            Parameter("id", "With `by-id` in the path: the order's id, such as `..`, that a path can't hold."),
            Parameter("n", "How many orders of arrival: 1 to 50."),
            Parameter("seed", "From which the shuffled ones are made."),
        ),
    ),
)
