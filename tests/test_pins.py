"""``--strict-env``: the installed packages against the pins."""

from importlib import metadata

import pytest

from coupling_bench import pins


def installed(**versions):
    def version(name):
        try:
            return versions[name.replace("-", "_")]
        except KeyError:
            raise metadata.PackageNotFoundError(name) from None

    return version


def lock(tmp_path, text):
    (tmp_path / "requirements.lock").write_text(text)
    return tmp_path / "requirements.lock"


def test_pins_are_read_by_canonical_name_and_where_they_are_meant(tmp_path):
    text = "# tested\nLm_Eval==0.4.13\ntorch==2.13.0 # no build\ncolorama==1; sys_platform == 'x'\n"
    assert pins.read(lock(tmp_path, text)) == {"lm-eval": "0.4.13", "torch": "2.13.0"}


@pytest.mark.parametrize("line", ["numpy>=2", "numpy", "numpy==2.*", "numpy>=2,<3"])
def test_a_line_that_pins_nothing_is_refused(line, tmp_path):
    with pytest.raises(ValueError, match=r"needed NAME==VERSION"):
        pins.read(lock(tmp_path, line))


def test_each_difference_is_named_and_a_release_is_one_however_it_is_built_or_written():
    wanted = {"torch": "2.13.0", "numpy": "2.4.6", "lm-eval": "0.4.13", "trl": "1.16.0"}
    found = pins.differences(wanted, installed(torch="2.13.0+cpu", numpy="2.4.5", trl="1.16"))
    assert found == [
        "numpy 2.4.5 (pinned 2.4.6)",
        "lm-eval is not installed (pinned 0.4.13)",
    ]


def test_the_command_that_mends_it_is_said(tmp_path):
    path = lock(tmp_path, "pytest==0.1\nnumpy==0.2\nno-such-package==3\n")
    with pytest.raises(ValueError, match=r"3 of 3 packages .* pip install -r ") as found:
        pins.check(path)
    assert "pytest " in str(found.value)
    assert "no-such-package is not installed (pinned 3)" in str(found.value)
    pins.check(lock(tmp_path, f"pytest=={pytest.__version__}\n"))


def test_without_the_file_of_pins_it_is_said_where_to_run(tmp_path):
    with pytest.raises(ValueError, match="clone of the project"):
        pins.check(tmp_path / "requirements.lock")


def test_stages_of_other_packages_are_not_reused(tmp_path):
    path = lock(tmp_path, "torch==2.13.0\nnumpy==2.4.6\n")

    def manifest(torch):
        packages = {"torch": torch, "coupling-bench": "0.1.0", "numpy": None}
        return {"address": f"SFTSpec-{torch}", "environment": {"packages": packages}}

    pins.check_entries(path, [manifest("2.13.0+cu130")] * 3)
    with pytest.raises(ValueError, match=r"SFTSpec-2.12.0 was made with torch 2.12.0 .*--store"):
        pins.check_entries(path, [manifest("2.13.0"), manifest("2.12.0")])
    with pytest.raises(ValueError, match=r"; and 2 more\."):
        pins.check_entries(path, [manifest("2.12.0")] * 7)
