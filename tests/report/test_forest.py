"""The forest plot: effects against their margins, each in a unit that it can be compared in."""

from itertools import pairwise

import pytest

from coupling_bench.report import claims, forest
from tests.report.example_record import claim, example_record, of_models


def drawn(rows):
    return forest.charts(claims.view(rows))


def points(chart, name):
    """Where a series of a figure lies, on its own axis."""
    placed = {}
    for trace in chart.plot["data"]:
        label = trace.get("hovertemplate", "").split("<br>")[0]
        if label == name:
            custom = trace.get("customdata")
            placed |= dict(custom or zip(trace["x"], trace["y"], strict=True))
    return placed


def test_each_unit_with_enough_claims_has_a_figure_and_the_rest_are_multiples_of_margins():
    rows = [claim(f"loss {n}", "supported", 0.4) for n in range(3)]
    rows += [claim("slope", "refuted", 3.0, unit="slope", margin=1.5)]
    rows += [claim("share", "supported", -0.2, unit="share", margin=-0.1)]
    loss, rest = drawn(rows)
    assert loss.plot["layout"]["xaxis"]["title"]["text"] == "nats/sequence"
    assert rest.plot["layout"]["xaxis"]["title"]["text"] == forest.MULTIPLES
    assert list(points(rest, "refuted")) == [pytest.approx(2.0)]
    assert list(points(rest, "supported")) == [pytest.approx(-2.0)]


def test_a_claim_that_cannot_be_a_multiple_is_told_and_not_dropped_in_silence():
    rows = [claim(f"loss {n}", "supported", 0.4) for n in range(3)]
    rows += [claim(n, "supported", 0.4, unit=n, margin=m) for n, m in (("a", 0.0), ("b", 1.0))]
    _, rest = drawn(rows)
    assert rest.notes[-1].startswith("Not drawn: one claim with a margin of zero")


@pytest.mark.parametrize(
    ("direction", "margin", "arrows"),
    [("increase_by", 0.02, {"→": [0.02]}), ("not_increase_by", 0.02, {"←": [0.02]}),
     ("decrease_by", -0.02, {"←": [-0.02]}), ("not_decrease_by", -0.02, {"→": [-0.02]}),
     ("equal_within", 0.05, {"→": [-0.05], "←": [0.05]})],
)  # fmt: skip
def test_arrows_point_to_where_the_claim_is_supported(direction, margin, arrows):
    (chart,) = drawn([claim("A", "supported", 0.01, direction=direction, margin=margin)])
    texts = [trace for trace in chart.plot["data"] if trace["mode"] == "text" and trace["x"]]
    assert {trace["text"][0]: trace["x"] for trace in texts} == arrows


def test_an_interval_without_an_end_reaches_over_all_others():
    rows = [claim("A", None, 0.2, interval=[None, None]), claim("B", "supported", 0.9)]
    (chart,) = drawn(rows)
    traces = chart.plot["data"]
    (bars,) = (t["error_x"] for t in traces if t.get("hovertemplate", "").startswith("no verdict"))
    assert 0.2 + bars["array"][0] > 0.96
    assert 0.2 - bars["arrayminus"][0] < 0.0


def test_bars_of_several_models_lie_under_their_claim_and_never_on_each_other():
    for models in (1, 3, 40):
        for chart in drawn(of_models(models)["claims"]):
            heights = [y for trace in chart.plot["data"] if "error_x" in trace for y in trace["y"]]
            apart = [after - before for before, after in pairwise(sorted(heights))]
            assert min(apart, default=9) >= 9
            bottom, top = chart.plot["layout"]["yaxis"]["range"]
            assert top == 0 < min(heights)
            assert max(heights) < bottom


def test_every_effect_is_drawn_however_many_there_are():
    rows = of_models(200)["claims"]
    counted = sum(
        len(trace["x"]) for one in drawn(rows) for trace in one.plot["data"] if "error_x" in trace
    )
    assert counted == len(rows)


def test_claims_without_an_effect_are_no_bars():
    assert drawn([row | {"effect": None} for row in example_record()["claims"]]) == []
