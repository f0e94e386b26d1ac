"""The consumer group of a cell: a worker takes no other cell's, and the doctor sees which lanes nobody reads."""

import pytest

from service.kafka.cells import group_problem, lanes_without_a_group


@pytest.mark.parametrize(
    ("group", "own"),
    [
        ("purchasing", range(4)),
        ("purchasing.lanes", range(4)),
        ("purchasing.lanes-0-1", range(2)),
        ("a.lanes-0-1.lanes-2-3", range(2, 4)),
        ("purchasing.lanes-3-3", range(3, 4)),
    ],
)
def test_a_group_fits_the_lanes_that_it_names(group, own):
    assert group_problem(group, own, 4) is None


@pytest.mark.parametrize(
    ("group", "own", "to_set"),
    [
        ("purchasing", range(2), "purchasing.lanes-0-1"),
        ("purchasing.lanes-0-1", range(2, 4), "purchasing.lanes-2-3"),
        ("purchasing.lanes-0-0", range(2), "purchasing.lanes-0-1"),
        ("purchasing.lanes-0-1", range(4), "purchasing"),
    ],
)
def test_another_databases_group_is_refused_with_the_right_one(group, own, to_set):
    problem = group_problem(group, own, 4)
    assert problem is not None
    assert f" {to_set}" in problem


def test_lanes_that_no_group_reads_are_found():
    others = ["purchasing", "purchasing.lanes-2-2", "billing.lanes-3-3"]
    assert lanes_without_a_group("purchasing.lanes-0-1", 4, others) == [3]
    assert lanes_without_a_group("purchasing.lanes-0-1", 4, [*others, "purchasing.lanes-3-3"]) == []
