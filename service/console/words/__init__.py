"""The words of the pages in zh-CN, by the words in English."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.console.words.acts import ACTS
from service.console.words.clauses import CLAUSES
from service.console.words.finance import FINANCE
from service.console.words.grounds import GROUNDS
from service.console.words.operators import OPERATORS
from service.console.words.pages import PAGES
from service.console.words.story import STORY

if TYPE_CHECKING:
    from collections.abc import Mapping

ZH_CN: Mapping[str, str] = {**GROUNDS, **CLAUSES, **STORY, **OPERATORS, **FINANCE, **PAGES, **ACTS}
