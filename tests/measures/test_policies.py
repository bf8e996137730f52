"""From observations to policies over the answers and anything else."""

import numpy as np
import pytest

from coupling_bench.measures import policies
from tests.observations import observation, random_observation
