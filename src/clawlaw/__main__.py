"""`python -m clawlaw`."""

import sys

from clawlaw.cli import main

sys.exit(main())
