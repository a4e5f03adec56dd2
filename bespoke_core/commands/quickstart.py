"""The verbs that set everything up: `demo`, `test` and `doctor`.

Only the standard library is imported until the environment exists.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from ..errors import InputError


def demo_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `demo`."""
    parser.add_argument("--data", type=Path, metavar="DIR", help="your pictures, each with a .txt caption")
    parser.add_argument(
        "--checkpoint", type=Path, metavar="FILE", help="your SD1.5 checkpoint (.safetensors)"
    )
    parser.add_argument("--home", type=Path, metavar="DIR", help="where to set up (default: .bespoke)")
    parser.add_argument("--size", type=int, metavar="N", help="picture size in pixels, a multiple of 64")
    parser.add_argument("--epochs", type=int, metavar="N", help="epochs to train")
    parser.add_argument("--steps", type=int, metavar="N", help="sampler steps a test picture")
    parser.add_argument("--seeds", type=int, metavar="N", help="test pictures for each checkpoint and prompt")
    parser.add_argument("--keep-server", action="store_true", help="leave ComfyUI running at the end")


def demo(arguments: argparse.Namespace) -> int:
    """Set up and run the whole loop."""
    from ..base.shipped import checked_bytes
    from ..memory import require_memory
    from ..quickstart import environment as setup
    from ..quickstart.demo_settings import memory_needed
    from ..quickstart.own_files import check_checkpoint, check_data

    setup.check_python()
    for field, least, most in (
        ("size", 64, 2048),
        ("epochs", 1, 1000),
        ("steps", 1, 1000),
        ("seeds", 1, 100),
    ):
        value = getattr(arguments, field)
        if value is not None and (not least <= value <= most or (field == "size" and value % 64)):
            rule = f"{least} to {most}" + (", a multiple of 64" if field == "size" else "")
            raise InputError("is out of range", field=f"--{field}", value=value, remedy=f"Use {rule}.")
    if arguments.data is not None:
        check_data(arguments.data)
    if arguments.checkpoint is not None:
        check_checkpoint(arguments.checkpoint)
    else:
        checked_bytes()
    require_memory(memory_needed(arguments.checkpoint), "the demo")
    home = arguments.home.expanduser().resolve() if arguments.home else setup.home_folder()
    ready = setup.ensure_environment(home, say=_say(arguments.json))
    if not setup.inside(home):
        return setup.run_inside(ready, "demo", _again("demo"))
    from ..quickstart.demo import DemoOptions, run_demo

    options = DemoOptions(
        arguments.data,
        arguments.checkpoint,
        arguments.size,
        arguments.epochs,
        arguments.steps,
        arguments.seeds,
        arguments.keep_server,
    )
    result = run_demo(ready, options, sys.stderr if arguments.json else sys.stdout)
    if arguments.json:
        print(json.dumps(result.to_dict(), ensure_ascii=False))
    return 0


def test_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `test`."""
    parser.add_argument("--home", type=Path, metavar="DIR", help="where to set up (default: .bespoke)")
    parser.add_argument("pytest", nargs="*", metavar="-- PYTEST", help="passed on to pytest, after --")


def test(arguments: argparse.Namespace) -> int:
    """Set up and run every test; the exit code is pytest's."""
    from ..quickstart import environment as setup

    setup.check_python()
    home = arguments.home.expanduser().resolve() if arguments.home else setup.home_folder()
    ready = setup.ensure_environment(home, test=True, say=_say(arguments.json))
    if not setup.inside(home):
        return setup.run_inside(ready, "test", _again("test"))
    from ..quickstart.tests import run_tests

    return run_tests(ready.comfyui, arguments.pytest)


def doctor_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `doctor`."""
    parser.add_argument("--home", type=Path, metavar="DIR", help="the set-up to look at (default: .bespoke)")
    parser.add_argument(
        "--python", type=Path, metavar="FILE", help="the interpreter to look at, such as your ComfyUI's"
    )


def doctor(arguments: argparse.Namespace) -> int:
    """Look at an installation; exit code 1 when something is wrong."""
    from ..quickstart.doctor import examine
    from ..quickstart.environment import home_folder

    home = arguments.home.expanduser().resolve() if arguments.home else home_folder()
    checks = examine(home, arguments.python)
    if arguments.json:
        print(json.dumps({"checks": [check.to_dict() for check in checks]}, ensure_ascii=False))
    else:
        for check in checks:
            print(check.text())
    return 1 if any(check.state == "wrong" for check in checks) else 0


def _again(verb: str) -> list[str]:
    """Return the words after the verb as they were typed."""
    words = sys.argv[1:]
    return words[words.index(verb) + 1 :]


def _say(quiet: bool):  # type: ignore[no-untyped-def]
    """Return a printer of one line; with --json the lines go to standard error."""
    stream = sys.stderr if quiet else sys.stdout
    return lambda line: print(line, file=stream, flush=True)
