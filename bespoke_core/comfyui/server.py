"""A real ComfyUI in a child process: started on a free loopback port, watched, stopped with all it started.

Needs nothing but the standard library in this process; psutil, which ComfyUI brings, is used where it is
there to find grandchildren.
"""

from __future__ import annotations

import atexit
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from ..errors import BespokeError, InputError
from .processes import own_group, stop_tree

_POLL_S = 0.2
_PACK_LEFT_OUT = (".bespoke", ".git", ".venv", "__pycache__", "*.pyc", ".mypy_cache", ".ruff_cache")

# The child asks Linux to be told when its parent dies, then becomes ComfyUI. It is done in the child and not
# in a `preexec_fn`, which may deadlock in a parent that has threads.
_BIND_TO_PARENT = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # 1 is PR_SET_PDEATHSIG
    except (OSError, AttributeError):
        pass
    if os.getppid() != int(sys.argv[1]):
        sys.exit("the process that started ComfyUI has ended")
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


class ServerError(BespokeError):
    """ComfyUI did not start, or ended by itself; the message holds the last lines of its log."""


class ComfyServer:
    """A ComfyUI server of our own; a context manager that starts on entry and stops on exit.

    Args:
        comfyui: the folder that holds ComfyUI's ``main.py``.
        python: the interpreter of the environment in which ComfyUI's requirements are installed.
        base: ComfyUI's base directory (models, input, output, temp, user, custom_nodes); made when absent.
        pack: the extension folder to link into ``custom_nodes``; None links nothing.
        pack_name: the link's name there.
        device: "auto" asks torch for a GPU and passes ``--cpu`` when it sees none; "cpu" and "gpu" do not.
        extra_args: more arguments for ``main.py``, after ours.
        extra_model_paths: a YAML file for ``--extra-model-paths-config``.
        environment: variables to set in the child, over the present ones.
        log: the file that takes the server's output; ``comfyui.log`` in `base` by default.
        port: the loopback port; a free one by default.
        start_timeout_s: how long the start may take, in seconds.

    On Linux the server ends when the thread that started it ends, so that nothing survives a killed parent:
    start it from a thread that lives as long as the server is needed.
    """

    def __init__(
        self,
        comfyui: Path,
        python: Path,
        base: Path,
        *,
        pack: Path | None = None,
        pack_name: str = "bespoke",
        device: str = "auto",
        extra_args: Sequence[str] = (),
        extra_model_paths: Path | None = None,
        environment: Mapping[str, str] | None = None,
        log: Path | None = None,
        port: int | None = None,
        start_timeout_s: float = 300.0,
    ) -> None:
        self.comfyui = Path(comfyui)
        self.python = Path(python)
        self.base = Path(base)
        self.pack = None if pack is None else Path(pack)
        self.pack_name = pack_name
        self.device = device
        self.extra_args = tuple(extra_args)
        self.extra_model_paths = extra_model_paths
        self.environment = dict(environment or {})
        self.log = Path(log) if log is not None else self.base / "comfyui.log"
        self.start_timeout_s = start_timeout_s
        self._wanted_port = port
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The server's address, such as ``http://127.0.0.1:8188``; meaningful after `start`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        """Whether the child process is alive."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> ComfyServer:
        """Start the server and return when it answers.

        Raises:
            InputError: `comfyui` holds no ``main.py``.
            ServerError: it ended or did not answer in time; nothing is left running.
        """
        if self.running:
            return self
        if not (self.comfyui / "main.py").is_file():
            raise InputError(
                "holds no main.py, so it is not ComfyUI",
                file=self.comfyui,
                remedy="Give the folder of a ComfyUI checkout.",
            )
        prepare_base(self.base, self.pack, self.pack_name)
        attempts = 3 if self._wanted_port is None else 1
        for attempt in range(attempts):
            self.port = self._wanted_port or free_port()
            self._spawn()
            try:
                self._wait_until_ready()
            except ServerError as error:
                self.stop()
                # Another process may have taken the port between our choice and ComfyUI's use of it.
                if attempt + 1 < attempts and "address already in use" in str(error).lower():
                    continue
                raise
            except BaseException:  # Ctrl-C included: nothing may be left running
                self.stop()
                raise
            return self
        raise AssertionError("unreachable: the last attempt returns or raises")

    def stop(self, *, grace_s: float = 3.0) -> None:
        """Stop the server and everything that it started; does nothing when it does not run.

        Args:
            grace_s: seconds for an orderly end before the processes are killed.
        """
        process, self.process = self.process, None
        if process is None:
            return
        atexit.unregister(self.stop)
        stop_tree(process, grace_s=grace_s)

    def log_tail(self, lines: int = 20) -> str:
        """Return the last `lines` lines of the server's output; empty when there is none."""
        if not self.log.is_file():
            return ""
        with self.log.open("rb") as source:
            source.seek(0, os.SEEK_END)
            source.seek(max(0, source.tell() - 64_000))
            text = source.read().decode("utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def command(self) -> list[str]:
        """Return the arguments after the interpreter: ``main.py`` and its options."""
        arguments = [
            "main.py",
            *("--listen", "127.0.0.1", "--port", str(self.port)),
            *("--base-directory", str(self.base.resolve())),
            *(
                "--database-url",
                "sqlite:///:memory:",
            ),  # ComfyUI's default database would be shared and locked
            *("--disable-auto-launch", "--disable-api-nodes", "--use-pytorch-cross-attention"),
        ]
        if self.extra_model_paths is not None:
            arguments += ["--extra-model-paths-config", str(Path(self.extra_model_paths).resolve())]
        if self.device == "cpu" or (self.device == "auto" and not sees_gpu(self.python)):
            arguments.append("--cpu")
        return [*arguments, *self.extra_args]

    def __enter__(self) -> ComfyServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _spawn(self) -> None:
        environment = {**_THREADS, **os.environ, **_OUTPUT, **self.environment}
        command = self.command()
        if sys.platform == "linux":
            command = ["-c", _BIND_TO_PARENT, str(os.getpid()), *command]
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(self.python), *command],
                cwd=self.comfyui,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                **own_group(),
            )
        atexit.register(self.stop)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + self.start_timeout_s
        while time.monotonic() < deadline:
            if not self.running:
                code = None if self.process is None else self.process.returncode
                raise ServerError(f"ComfyUI ended at its start with code {code}.{self._log_excerpt()}")
            if _answers(self.port):
                return
            time.sleep(_POLL_S)
        raise ServerError(f"ComfyUI did not answer within {self.start_timeout_s:g} s.{self._log_excerpt()}")

    def _log_excerpt(self) -> str:
        return f" The end of its log ({self.log}):\n{self.log_tail(20)}"


# Threads that wait at a barrier must sleep: spinning ones cost a factor of ten on shared cores.
# What the user set goes before it.
_THREADS = {"OMP_WAIT_POLICY": "PASSIVE"}
_OUTPUT = {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8:replace"}


def free_port() -> int:
    """Return a TCP port on the loopback address that is free at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def sees_gpu(python: Path) -> bool:
    """Return whether torch in the environment of `python` sees a GPU of any kind; takes some seconds."""
    question = (
        "import torch; a = getattr(torch, 'accelerator', None); "
        "print(bool(a.is_available() if a else torch.cuda.is_available()))"
    )
    answer = subprocess.run(
        [str(python), "-c", question], capture_output=True, text=True, encoding="utf-8", errors="replace"
    )
    return answer.stdout.strip().endswith("True")


def prepare_base(base: Path, pack: Path | None = None, pack_name: str = "bespoke") -> None:
    """Make ComfyUI's base directory and put the extension into its ``custom_nodes``.

    The extension is linked; on a system that refuses links it is copied, afresh each time.
    ComfyUI ends at its start when ``custom_nodes`` is missing.
    """
    for name in ("custom_nodes", "models/checkpoints", "models/loras", "input", "output", "user"):
        (base / name).mkdir(parents=True, exist_ok=True)
    if pack is None:
        return
    link = base / "custom_nodes" / pack_name
    if link.is_symlink() or link.is_dir():
        if link.is_symlink() and link.resolve() == pack.resolve():
            return
        link.unlink() if link.is_symlink() else shutil.rmtree(link)
    try:
        link.symlink_to(pack.resolve(), target_is_directory=True)
    except OSError:  # Windows without the right to make links
        shutil.copytree(pack, link, ignore=shutil.ignore_patterns(*_PACK_LEFT_OUT))


def _answers(port: int) -> bool:
    # http.client and not urllib: a proxy of the machine must not be asked for a loopback address.
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/system_stats")
        reply = connection.getresponse()
        return reply.status == 200 and "system" in json.loads(reply.read())
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()
