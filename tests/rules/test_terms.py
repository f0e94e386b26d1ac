"""Terms: which set binds an order, and what a provider may declare for itself."""

from fractions import Fraction
from typing import Any

import pytest

from service.rules.calendar import Calendar
from service.rules.terms import STANDARD, Terms, TermsBook
from tests.rules.happenings import START
from tests.rules.orders import DAY, HOUR, Order, terms


def bound(*sets: Any, at: int = 0, provider: str = "prov-1") -> Terms:
    return TermsBook.of(*sets).in_force(provider, START + at)


def test_an_undeclared_term_has_the_agreements_value() -> None:
    assert bound() == STANDARD
    assert (
        Terms(
            version=STANDARD.version,
            service_fee_rate=Fraction(1, 1000),
            refund_fee_on_cancellation=False,
            deemed_confirmation_days=10,
            tip_limit={"CNY": 20_000},
            tip_refund_days=30,
            payment_demand_days=3,
            refuse_prohibited=True,
            acceptance_days=None,
            claim_floor=0,
            quarantine_days=None,
            period_counting="civil_code",
            calendar=Calendar(utc_offset=480),
        )
        == STANDARD
    )


@pytest.mark.parametrize(
    ("at", "version"), [(DAY - 1, "old"), (DAY, "new"), (DAY + 1, "new"), (-9 * DAY - 1, "standard"), (-9 * DAY, "old")]
)
def test_a_set_is_in_force_from_its_first_instant_until_the_next(at: int, version: str) -> None:
    sets = terms(version="new", since=DAY), terms(version="old", since=-9 * DAY)
    assert bound(*sets, at=at).version == (STANDARD.version if version == "standard" else version)


def test_the_providers_own_set_comes_before_the_platforms_and_leaves_the_rest_to_it() -> None:
    platform = terms(version="p", service_fee_rate=Fraction(2, 1000), refuse_prohibited=False)
    own = terms("prov-1", version="own", service_fee_rate=Fraction(3, 1000))
    found = bound(platform, own)
    assert (found.version, found.service_fee_rate, found.refuse_prohibited) == ("own", Fraction(3, 1000), False)
    assert bound(platform, own, provider="prov-2").version == "p"


def test_an_own_set_that_is_not_yet_in_force_changes_nothing() -> None:
    found = bound(terms(version="p", tip_limit=5), terms("prov-1", since=1, version="own"), at=0)
    assert (found.version, found.tip_limit) == ("p", 5)


@pytest.mark.parametrize("name", ["deemed_confirmation_days", "claim_floor"])
def test_a_provider_may_not_set_a_term_of_the_platform(name: str) -> None:
    standard = getattr(STANDARD, name)

    def declared(*values: tuple[str, int]) -> int:
        found = bound(*[terms(who, **dict[str, Any]({name: value})) for who, value in values])
        return int(getattr(found, name))

    assert declared(("prov-1", standard + 7)) == standard
    assert declared(("prov-1", 1)) == standard
    assert declared(("*", standard + 3), ("prov-1", 1)) == standard + 3


@pytest.mark.parametrize("name", ["tip_refund_days", "payment_demand_days"])
def test_some_days_a_provider_may_only_lengthen(name: str) -> None:
    standard = getattr(STANDARD, name)
    assert getattr(bound(terms("prov-1", **{name: standard + 1})), name) == standard + 1
    assert getattr(bound(terms("prov-1", **{name: standard - 1})), name) == standard
    platform = terms(**{name: standard + 4})
    assert getattr(bound(platform, terms("prov-1", **{name: standard + 1})), name) == standard + 4
    assert getattr(bound(platform, terms("prov-1", **{name: standard + 5})), name) == standard + 5


@pytest.mark.parametrize("name", ["service_fee_rate", "refund_fee_on_cancellation", "refuse_prohibited"])
def test_everything_else_a_provider_may_declare(name: str) -> None:
    value: Any = {"service_fee_rate": Fraction(5, 1000)}.get(name, not getattr(STANDARD, name))
    assert getattr(bound(terms("prov-1", **{name: value})), name) == value


def test_terms_that_change_between_mandate_and_placing_are_those_of_the_mandate() -> None:
    sets = (
        terms(version="at the mandate", since=-9 * DAY, service_fee_rate=Fraction(0)),
        terms(version="at the placing", since=-HOUR, service_fee_rate=Fraction(1, 10)),
    )
    order = Order(*sets).placed(mandate_at=-HOUR - 1).accepted().paid().asks_to_cancel().decided()
    assert order.refunded() == 101_200  # the quoted fee is kept, whatever the rate
    assert {output.data.terms_version for output in order.outputs} == {"at the mandate"}
    late = Order(*sets).placed(mandate_at=-HOUR).accepted().paid().asks_to_cancel().decided()
    assert late.refunded() == 101_200  # a fee of 101.20 each, of which 1.01 was collected
    assert late.decision("agreement").terms_version == "at the placing"


def test_without_a_mandate_the_terms_of_the_placing_bind() -> None:
    order = Order(terms(version="t", since=5), terms(version="s", since=4)).placed(at=4, mandate_at=None).accepted()
    assert order.paid().decided().decision("agreement").terms_version == "s"


def test_an_earlier_placing_received_late_brings_its_own_terms() -> None:
    sets = terms(version="s"), terms(version="t", since=5, refund_fee_on_cancellation=True)
    order = Order(*sets).placed(at=6, mandate_at=6).accepted().paid().asks_to_cancel().decided()
    assert order.refunded() == 101_301
    order.placed(at=3, mandate_at=3).decided()
    assert order.outcomes("repayment_demand", "purchase") == ["demanded 101"]
    assert order.decision("repayment_demand", "purchase").terms_version == "s"
