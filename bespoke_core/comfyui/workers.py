"""Ray, which runs the workers of a sweep that servers share: started for it, or a cluster that is there.

What is started here listens on the loopback address only, reports nothing to anybody, and is gone with its
processes and files at the end.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import secrets
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..errors import BespokeError

CLUSTER_VARIABLE = "RAY_ADDRESS"
"""Ray's own: where it is set, the workers run on that cluster."""
_INSTALL = 'Several servers need the Python package ray. Install it with: pip install "ray>=2.40".'
_STORE_BYTES = (
    256 * 1024 * 1024
)  # for the pictures of the parts on their way; Ray reserves 30 % of the memory
_LONGEST_TEMP = 25  # characters: what Ray puts behind it must stay within the 104 of a socket's path
_TOKEN = secrets.token_hex(32)
"""What Ray's processes prove to each other; one for this process, as Ray reads it once."""


def check_installed() -> None:
    """Raise BespokeError when Ray is not installed; nothing is imported."""
    if importlib.util.find_spec("ray") is None:
        raise BespokeError(_INSTALL)


@contextmanager
def ray_of(workers: int) -> Iterator[Any]:
    """Give Ray, connected: to the cluster that RAY_ADDRESS names, else started on this machine for the block.

    Args:
        workers: how many parts are drawn at once.

    Raises:
        BespokeError: Ray is not installed, does not start, or the cluster does not answer.
    """
    cluster = os.environ.get(CLUSTER_VARIABLE, "").strip()
    with _variables({} if cluster else _own_variables()):
        check_installed()
        ray: Any = importlib.import_module("ray")
        if ray.is_initialized():  # by the program that calls this
            yield ray
        elif cluster:
            _check_answers(cluster)
            with _connected(ray, address=cluster):
                yield ray
        else:
            with tempfile.TemporaryDirectory("", "ray-", _temp(), ignore_cleanup_errors=True) as folder:
                own: dict[str, Any] = {"num_cpus": workers, "object_store_memory": _STORE_BYTES}
                with _connected(ray, address="local", include_dashboard=False, _temp_dir=folder, **own):
                    yield ray


@contextmanager
def _connected(ray: Any, **options: Any) -> Iterator[None]:
    with _own_signals():  # Ray takes SIGTERM for itself and keeps it
        try:
            with _quiet(logging.getLogger("ray")):
                ray.init(configure_logging=False, log_to_driver=False, **options)
        except (RuntimeError, ValueError, OSError, ray.exceptions.RayError) as error:
            ray.shutdown()
            reason = str(error).strip().split("\n")[0]
            raise BespokeError(f"Ray, which runs the workers, does not start: {reason}") from error
        try:
            yield
        finally:
            ray.shutdown()


def _check_answers(cluster: str) -> None:
    """Refuse a cluster at whose address nothing listens; Ray itself asks for minutes."""
    parts = urlsplit(cluster if "://" in cluster else f"//{cluster}")
    try:
        if parts.hostname and parts.port:
            socket.create_connection((parts.hostname, parts.port), timeout=10).close()
    except (OSError, ValueError) as error:
        raise BespokeError(
            f"the Ray cluster at {CLUSTER_VARIABLE}={cluster} does not answer ({error}). Start it there (ray "
            "start --head), or unset the variable, and the workers run on this machine."
        ) from None


def _own_variables() -> dict[str, str]:
    """Return the environment of a Ray that is started here; what the user set goes before."""
    wanted = {
        # Off, Ray stays on the loopback address, on Linux as on the systems that gave this its name.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_TOKEN": _TOKEN,
        # Threads that wait at a barrier must sleep: spinning ones cost a factor of ten on shared cores.
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    wanted = {name: os.environ.get(name, value) for name, value in wanted.items()}
    # The workers import this very package, from wherever this process has it.
    paths = [os.environ.get("PYTHONPATH", ""), str(Path(__file__).resolve().parents[2])]
    return {**wanted, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def _temp() -> str:
    """Return a folder for Ray's sockets and logs whose path is short enough."""
    folder = os.environ.get("RAY_TMPDIR", "") or tempfile.gettempdir()
    return "/tmp" if os.name == "posix" and len(folder) > _LONGEST_TEMP else folder


@contextmanager
def _variables(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for the block; what is set in it, by Ray too, does not outlast it."""
    former = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        for name in set(os.environ) - set(former):
            del os.environ[name]
        os.environ.update(former)


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Keep from the user what is none of their business, such as how Ray's processes know each other."""
    former = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(former)


@contextmanager
def _own_signals() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)
