"""Loads the plugin and the fixtures, for suites and tests alike."""

pytest_plugins = ["coupling_bench.plugin", "fixtures.data", "fixtures.every_run", "fixtures.stages"]
