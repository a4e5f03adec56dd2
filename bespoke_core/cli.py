"""The command line: assembles the verbs of `commands/` and turns errors into exit codes.

Exit codes: 0 done; 1 problems found, or no clear winner where one was demanded; 2 bad input; 3 a server
was lost and the same command goes on; 130 cancelled.
Only the standard library is imported here, because `demo` and `test` run before anything is installed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from . import __version__
from .commands import VERBS
from .errors import BespokeError, InputError, UnfinishedError, UserCancelledError

_PACKAGES = "Use the Python that ComfyUI runs in, or install what is needed: pip install '.[alone]'."
EXIT_DONE = 0
EXIT_BAD_INPUT = 2
EXIT_UNFINISHED = 3
EXIT_CANCELLED = 130


def build_parser(chosen: str | None = None) -> argparse.ArgumentParser:
    """Return the parser; only the chosen verb's module is imported for its options.

    So a verb starts without the others' libraries, and `demo` without any.
    """
    parser = argparse.ArgumentParser(
        prog="bespoke", description="The pixel-art LoRA loop: captions, training, sweep, scores, verdict."
    )
    parser.add_argument("--version", action="version", version=f"bespoke {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb in VERBS:
        sub = verbs.add_parser(verb.name, help=verb.help, description=verb.help)
        if verb.name == chosen:
            verb.options(sub)
        sub.add_argument("--json", action="store_true", help="print machine-readable JSON on standard output")
        sub.set_defaults(run=verb.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code; errors meant for users are printed without a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    words = list(sys.argv[1:] if argv is None else argv)
    chosen = next((word for word in words if not word.startswith("-")), None)
    arguments = build_parser(chosen).parse_args(words)
    try:
        return int(arguments.run(arguments))
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] == __package__:
            raise
        print(f"error: the Python package {error.name} is missing. {_PACKAGES}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except (KeyboardInterrupt, UserCancelledError) as stop:
        print(f"cancelled{': ' + str(stop) if str(stop) else ''}", file=sys.stderr)
        return EXIT_CANCELLED
    except BespokeError as error:
        if arguments.json and isinstance(error, InputError):
            print(json.dumps({"error": _as_json(error)}, ensure_ascii=False, default=str))
        print(f"error: {error}", file=sys.stderr)
        return EXIT_UNFINISHED if isinstance(error, UnfinishedError) else EXIT_BAD_INPUT
    except BrokenPipeError:
        sys.stderr.close()
        return EXIT_DONE


def _as_json(error: InputError) -> dict[str, object]:
    return {
        "problem": error.problem,
        "file": error.file,
        "field": error.field,
        "value": error.value,
        "remedy": error.remedy,
    }
