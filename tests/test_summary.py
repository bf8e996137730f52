"""What a run says at its end: aligned, coloured where it may be, and in signs that can be shown."""

import inspect

import pytest

from coupling_bench import claims, summary
from coupling_bench.summary import encodable, slowest_lines, theorem_count
from coupling_bench.verdict_table import NEEDED, verdict_table


def claim(**other):
    return {
        "claim": "RL after SFT raises the SFT loss", "cites": "Eq. 11", "model": "embedded",
        "task": "grammar", "scale": "small", "outcome": "passed", "verdict": "supported",
        "reversed": False, "accepted": "supported", "effect": 0.4024,
        "interval": [0.3604, 0.4444], "margin": 0.02, "direction": "increase_by",
        "unit": "nats/sequence", "seeds": [0, 1, 2], "per_seed": [0.4141, 0.383, 0.41],
        "smallest_detectable_effect": 0.05,
    } | other  # fmt: skip


CLAIMS = [
    claim(),
    claim(claim="short", effect=-1.5, interval=[None, 2.25], direction="equal_within",
          verdict="refuted", reversed=True, accepted="refuted", outcome="xfailed"),
    claim(claim="x" * 70, verdict="inconclusive", accepted="supported", outcome="failed"),
    claim(verdict=None, accepted=None, unit="reward", smallest_detectable_effect=None),
]  # fmt: skip


def text(line):
    return "".join(piece for piece, _ in line)


def test_columns_stand_under_their_names_and_numbers_end_in_one_column():
    lines = [text(line) for (line,) in verdict_table(CLAIMS)]
    heading = lines[0]
    for name in ("verdict", "unit"):
        start = heading.index(name)
        assert all(line[start - 2 : start] == "  " and line[start] != " " for line in lines)
    for name in ("effect", "interval", "margin", "seeds"):
        end = heading.index(name) + len(name)
        assert all(line[end - 1] != " " and line[end : end + 2] == "  " for line in lines)
    assert lines[1].split("  ")[-1].strip() == "nats/sequence"
    assert "[-inf, +2.2500]" in lines[2]
    assert "within 0.02" in lines[2]


def test_where_the_terminal_is_narrow_no_line_of_numbers_is_longer_than_it():
    rows = verdict_table(CLAIMS, width=100)
    assert [len(row) for row in rows] == [2] * (len(CLAIMS) + 1)
    assert all(len(text(numbers)) <= 100 for _, numbers in rows)
    assert [text(sentence) for sentence, _ in rows[1:]] == [c["claim"] for c in CLAIMS]
    wide = max(len(text(row[0])) for row in verdict_table(CLAIMS))
    assert verdict_table(CLAIMS, width=wide) == verdict_table(CLAIMS)


def test_a_verdict_says_what_was_accepted_where_that_matters():
    words = [text(row[0])[72:].split("  ")[0] for row in verdict_table(CLAIMS)[1:]]
    assert words == [
        "supported", "refuted (reversed, accepted)", "inconclusive (was supported)", "none (smoke)"
    ]  # fmt: skip


def test_a_verdict_put_down_to_chance_says_so():
    changed = next(c for c in CLAIMS if c["verdict"] == "inconclusive") | {"outcome": "xfailed"}
    shown = text(verdict_table([changed])[1][0])
    assert "inconclusive (was supported, not told from chance)" in shown


def test_only_the_verdict_is_coloured_and_by_what_pytest_was_told():
    shown = [dict(markup) for row in verdict_table(CLAIMS)[1:] for _, markup in row[0] if markup]
    assert shown == [{"green": True}, {"yellow": True}, {"red": True}, {"green": True}]


def test_with_v_each_seed_is_told():
    told = text(verdict_table(CLAIMS, detailed=True)[1][1])
    assert "0: +0.4141, 1: +0.3830, 2: +0.4100" in told
    assert "smallest detectable effect 0.0500; Eq. 11" in told


def test_claims_of_several_models_say_whose_they_are():
    table = verdict_table([claim(), claim(model="other")])
    assert [text(row[0]).split("  ")[0] for row in table[1:]] == [
        "RL after SFT raises the SFT loss [embedded on grammar, small]",
        "RL after SFT raises the SFT loss [other on grammar, small]",
    ]


def test_every_direction_of_a_claim_has_its_sign():
    declared = [name for name in inspect.signature(claims.claim).parameters if "_by" in name]
    assert set(NEEDED) == {*declared, "equal_within"}
    for direction in NEEDED:
        table = verdict_table([claim(direction=direction, margin=-0.5)])
        assert f"{NEEDED[direction]} -0.50" in text(table[1][0])


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8", "cp1252"])
def test_any_text_can_be_written_to_any_stream(encoding):
    said = "β ≥ 2 ± ε − 1 ≤ ρ … 文"
    shown = encodable(said, encoding)
    assert shown.encode(encoding)
    assert encodable(shown, encoding) == shown
    assert (shown == said) == (encoding == "utf-8")
    if encoding == "ascii":
        assert shown == "beta >= 2 +/- epsilon - 1 <= rho ... ?"


def test_the_slowest_stages_are_those_trained_here_each_once():
    def stage(spec, seconds, *, seed=0, node="sft", reused=False):
        return {"spec": spec, "wall_seconds": seconds, "seed": seed, "node": node,
                "model": "m", "reused": reused}  # fmt: skip

    stages = [stage("a", 1.0), stage("b", 3.0, seed=None, node="base"), stage("c", 9, reused=True),
              stage("b", 3.0, seed=None, node="base"), stage("d", 2.0, seed=1)]  # fmt: skip
    assert slowest_lines(stages, None) == []
    assert slowest_lines(stages, 2) == ["3.00s train    m: base", "2.00s train    m: sft, seed 1"]
    assert len(slowest_lines(stages, 0)) == 3


def test_theorems_are_counted_by_what_became_of_them():
    found = [
        {"outcome": "passed", "false": False, "instances": 1000},
        {"outcome": "passed", "false": True, "instances": 200},
    ]
    assert theorem_count(found).startswith("1 hold, 1 are false as declared, 0 are not as stated")
    found.append({"outcome": "failed", "false": False, "instances": 34})
    assert theorem_count(found).endswith("1 is not as stated; 1,234 instances")


def test_what_a_run_cost_is_told_with_what_was_saved():
    run = {"trained": 2, "reused": 3, "made_seconds": 12.0, "saved_seconds": 3725.0}
    assert summary.cost_line(run) == (
        "2 stages trained, 3 reused from the store; 12 s of work done, 1 h 02 min saved."
    )
