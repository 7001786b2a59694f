"""``python -m pdebridge`` is ``pdebridge``."""

from pdebridge.cli import main

raise SystemExit(main())
