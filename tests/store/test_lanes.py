"""The lane of a key is fixed for ever: outputs already in the outbox lie where it put them."""

from collections import Counter

import pytest

from service.store.lanes import lane_of


@pytest.mark.parametrize(
    ("key", "lane"),
    [
        ("order-1", 13),
        ("order-2", 11),
        ("2f1c7e1e-7d0c-4f0e-9f5b-0f6f3c6c2a11", 13),
        ("订单-1", 0),
        ("", 4),
        ("purchasing.events.order.v1/3/18446744073709551615", 0),
    ],
)
def test_the_lane_of_a_key_among_sixteen_never_changes(key: str, lane: int) -> None:
    assert lane_of(key, 16) == lane


def test_with_half_the_lanes_two_become_one() -> None:
    for n in range(200):
        assert lane_of(f"order-{n}", 4) == lane_of(f"order-{n}", 8) % 4


def test_orders_spread_over_all_lanes() -> None:
    spread = Counter(lane_of(f"order-{n}", 8) for n in range(8_000))
    assert set(spread) == set(range(8))
    assert min(spread.values()) > 800


def test_without_lanes_there_is_none_to_choose() -> None:
    with pytest.raises(ValueError, match="no lane"):
        lane_of("order-1", 0)
