"""A record as data frames, and as CSV: every row of it, with types that survive."""

import json
import re

import pandas as pd
import pytest

from coupling_bench import frames
from coupling_bench.cli import main
from tests.report.example_record import SEEDS
from tests.report.example_theory import example_theory


@pytest.fixture
def record():
    return example_theory()


@pytest.fixture
def folder(record, tmp_path):
    """A folder with a record, as a run leaves it."""
    (tmp_path / "record.json").write_text(json.dumps(record))
    return tmp_path


def test_every_row_of_every_table_comes_back_as_it_was(record):
    found = frames(record)
    for name, rows in record["tables"].items():
        frame = found[name]
        assert len(frame) == len(rows)
        back = frame.astype(object).where(frame.notna(), None).to_dict("records")
        assert back == rows


def test_a_path_a_folder_and_the_record_itself_give_the_same(record, folder):
    for source in (folder, str(folder / "record.json")):
        found = frames(source)
        assert found.keys() == frames(record).keys()
        for name, frame in frames(record).items():
            pd.testing.assert_frame_equal(found[name], frame)


def test_claims_are_tidy(record):
    """A claim a row, its interval two columns; seeds, preconditions and views rows elsewhere."""
    found = frames(record)
    claims = found["claims"]
    assert len(claims) == len(record["claims"])
    assert claims["interval_low"].tolist()[:4] == [c["interval"][0] for c in record["claims"][:4]]
    assert claims["interval_low"].isna().sum() == 1
    needs, views = (sum(len(c[part]) for c in record["claims"]) for part in ("requires", "beside"))
    assert (len(found["requirements"]), len(found["views"])) == (needs, views)
    effects = found["effects"]
    first = effects[
        (effects["claim"] == record["claims"][0]["claim"]) & (effects["view"] == "effect")
    ]
    assert first["effect"].tolist() == record["claims"][0]["per_seed"]
    assert first["seed"].tolist() == SEEDS


def test_curves_have_a_row_a_step_and_stages_their_options_elsewhere(record):
    found = frames(record)
    curves = found["curves"]
    assert len(curves) == sum(len(row["steps"]) for row in record["curves"])
    last = curves[(curves["node"] == "rl_then_sft") & (curves["seed"] == 2)].iloc[-1]
    of_record = record["curves"][-1]
    assert (last["step"], last["loss"]) == (of_record["steps"][-1], of_record["loss"][-1])
    assert "options" not in found["stages"]
    rates = found["options"][found["options"]["name"] == "learning_rate"]
    assert rates["value"].tolist() == ["0.0003"] * len(record["stages"])


def test_types_are_those_of_json_whatever_is_missing():
    rows = [
        {"whole": 1, "some": 1, "real": 1.0, "mixed": 1, "flag": True, "maybe": True, "text": "a",
         "none": None, "odd": 1, "huge": 10**400},
        {"whole": 2, "some": None, "real": 2.0, "mixed": 0.5, "flag": False, "maybe": None,
         "text": None, "none": None, "odd": "b", "huge": 0.5},
    ]  # fmt: skip
    frame = frames({"schema": 1, "tables": {"mine": rows}})["mine"]
    assert frame.dtypes.astype(str).to_dict() == {
        "whole": "int64", "some": "Int64", "real": "float64", "mixed": "float64", "flag": "bool",
        "maybe": "boolean", "text": "str", "none": "float64", "odd": "str", "huge": "float64",
    }  # fmt: skip


def test_a_table_named_as_a_part_stands_beside_it(record):
    record["tables"]["claims"] = [{"mine": 1}]
    found = frames(record)
    assert len(found["claims"]) == len(record["claims"])
    assert found["claims_table"]["mine"].tolist() == [1]


def test_parts_without_rows_are_left_out():
    assert frames({"schema": 1, "claims": [], "tables": {"bounds": None}, "curves": None}) == {}


def test_the_command_writes_every_frame_and_the_numbers_survive(record, folder, capsys):
    record["tables"]["../own/table"] = [{"exact": 0.1 + 0.2, "text": 'a,"b"\nc'}]
    (folder / "record.json").write_text(json.dumps(record))
    assert main(["tables", str(folder), "--to", str(folder / "made" / "csv")]) == 0
    out = folder / "made" / "csv"
    written = {path.stem for path in out.iterdir()}
    assert written == {re.sub(r"[^\w-]+", "_", name) for name in frames(record)}
    back = pd.read_csv(out / "_own_table.csv")
    assert back.to_dict("records") == record["tables"]["../own/table"]
    assert f"{out / 'claims.csv'}: {len(record['claims'])} rows" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no record at .* A run of the suites writes one: pytest suites"),
        (b"{", "is not JSON"),
        (b"\xff\xfe\x00", "is not text, needed a record in JSON"),
        (b'{"schema": 2}', "has schema 2, this version reads 1"),
        (b'{"schema": 1}', "holds no rows, so there is nothing to write"),
    ],
)
def test_what_is_no_record_is_refused_in_a_sentence(content, said, tmp_path, capsys):
    path = tmp_path / "some.json"
    if content is not None:
        path.write_bytes(content)
    assert main(["tables", str(path), "--to", str(tmp_path / "out")]) == 2
    assert re.search(f"^coupling-bench: .*{said}", capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


def test_a_file_where_the_folder_should_be_is_refused(folder, capsys):
    assert main(["tables", str(folder), "--to", str(folder / "record.json")]) == 2
    assert "is a file, needed a folder" in capsys.readouterr().err
