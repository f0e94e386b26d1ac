"""The acts that an alert's runbook section names, with their forms filled in as far as it stands now."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from service.console.acts.kinds import TITLES
from service.operations.acts.kinds import Act
from service.operations.sentence import sentence

if TYPE_CHECKING:
    from service.operations.sentence import Sentence
    from service.operations.situation import Situation

Link = tuple["Sentence", str]
"""The title of an act, and the address of its form."""


def acts_for(alert: str, situation: Situation | None) -> list[Link]:
    """Return the acts for an alert."""
    if alert == "PurchasingCircuitBreakerOpen":
        topics = [] if situation is None else [one.topic for one in situation.breakers]
        return [(TITLES[Act.BREAKER_RESET], _form(Act.BREAKER_RESET, topic=topic)) for topic in topics]
    return list(_ACTS.get(alert, ()))


def _form(act: Act, **fields: str) -> str:
    return f"/acts/{act}?{urlencode(fields)}" if fields else f"/acts/{act}"


_RESUME = (TITLES[Act.RESUME], _form(Act.RESUME, lane="all"))
_HOLD = (TITLES[Act.HOLD], _form(Act.HOLD))
_RETRY = (TITLES[Act.RETRY], _form(Act.RETRY, orders="*"))
_QUARANTINE = (sentence("Quarantined records"), "/quarantine")
_ACTS: dict[str, tuple[Link, ...]] = {
    "PurchasingRefundLimitReached": (_RESUME, _HOLD),
    "PurchasingOutboxPaused": (_RESUME,),
    "PurchasingOrderStuck": (_RETRY,),
    "PurchasingManyOrdersStuck": (_RETRY,),
    "PurchasingLaneStopped": ((TITLES[Act.ADOPT], _form(Act.ADOPT)),),
    "PurchasingQuarantineForgotten": (_QUARANTINE,),
    "PurchasingQuarantineGrowing": (_QUARANTINE,),
}
