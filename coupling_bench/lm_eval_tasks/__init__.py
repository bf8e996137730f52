"""Tasks for lm-eval: its YAML files, and the Python that they call. See ``README.md`` beside."""
