"""What the server of ``tests.killing`` imports once; see there."""

from coupling_bench import stages

stages.load()
