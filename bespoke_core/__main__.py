"""`python -m bespoke_core`: the same verbs as the `bespoke` command."""

from .cli import main

raise SystemExit(main())
