"""``python -m coupling_bench`` is ``coupling-bench``."""

import sys

from coupling_bench.cli import main

sys.exit(main())
