"""`python -m pipelines` is `places`, for systems where no command is installed."""

import sys

from pipelines.cli import main

sys.exit(main())
