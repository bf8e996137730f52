"""Several devices: which configurations are refused, and how processes share the rows.

That two train what one does is seen in ``tests/reliability``.
"""

import pytest
from torch.utils.data import BatchSampler

from coupling_bench.stages import launching
from coupling_bench.stages.sharing import EvenShares
from tests.devices import CONFIG


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("num_processes: 2", ""), "is no configuration of accelerate"),
        (("num_machines: 1", "num_machines: 4"), "several machines train several stages"),
        (("MULTI_GPU", "MULTI_CPU"), "MULTI_GPU with use_cpu: true"),
    ],
)
def test_a_configuration_that_would_do_something_else_is_refused(change, sentence, tmp_path):
    config = tmp_path / "accelerate.yaml"
    config.write_text(CONFIG.replace(*change))
    with pytest.raises(ValueError, match=sentence):
        launching.Devices.read(config)


def test_a_last_step_that_leaves_a_process_without_rows_is_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    shares = EvenShares(BatchSampler(range(9), batch_size=2, drop_last=False))
    with pytest.raises(ValueError, match="has 1 rows for 2 processes"):
        list(shares)


@pytest.mark.parametrize("rows", [6, 8, 11])
def test_processes_share_all_rows_of_an_epoch_and_each_step_s(rows, monkeypatch):
    """The rows of each step are those of one process with twice the batch."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    of_rank = []
    for rank in "01":
        monkeypatch.setenv("RANK", rank)
        shares = EvenShares(BatchSampler(range(rows), batch_size=2, drop_last=False))
        of_rank.append(list(shares))
        assert len(of_rank[-1]) == len(shares)
    steps = [sorted(a + b) for a, b in zip(*of_rank, strict=True)]
    assert steps == list(BatchSampler(range(rows), batch_size=4, drop_last=False))
