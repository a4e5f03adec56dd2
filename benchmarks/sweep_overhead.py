"""What a sweep costs beyond sampling: `python benchmarks/sweep_overhead.py --comfyui DIR [--size 128]`.

The same number of pictures four ways with the small base; the first three on one real ComfyUI server:

* bare: core's own LoraLoader, KSampler, VAEDecode and SaveImage in one graph, nothing of Bespoke;
* sweep: Bespoke's sweep, each picture stored, scored, shrunk and shown;
* anew: the same core nodes, but the model loaded anew for each epoch and one graph for each picture;
* script: the diffusers pipeline, loaded anew for each epoch with its LoRA, one picture at a time: the script
  that people write for this (sweep_script.py).

Each way has seeds of its own, so that nothing is taken from a cache. The ways take turns; ratios of medians.
The LoRAs have all modules that a trained one has.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent))

from bespoke_core.base.checkpoint import obtain_base_model
from bespoke_core.comfyui.client import Client
from bespoke_core.comfyui.server import ComfyServer

PACK = Path(__file__).resolve().parent.parent
SCRIPT = Path(__file__).resolve().parent / "sweep_script.py"
PROMPTS = ("pixel art portrait of a lad, bright green background", "pixel art portrait of a lady, red hair")
EPOCHS = ("run-000001", "run-000002")
SEEDS = 3
NEGATIVE = "blurry, smooth, photo"
Graph = dict[str, dict[str, Any]]


def core_graph(
    cells: list[tuple[str, str, int]], size: int, steps: int, base: str = "bespoke_base.safetensors"
) -> Graph:
    """Return one graph of core nodes that draws and saves cells of (epoch, prompt, seed)."""
    graph: Graph = {
        "base": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": base}},
        "latent": {
            "class_type": "EmptyLatentImage",
            "inputs": {"width": size, "height": size, "batch_size": 1},
        },
    }

    def encoded(epoch: str, text: str) -> list[Any]:
        name = f"{epoch} {text}"
        graph[name] = {"class_type": "CLIPTextEncode", "inputs": {"clip": [epoch, 1], "text": text}}
        return [name, 0]

    for epoch, prompt, seed in cells:
        strengths = {"strength_model": 1.0, "strength_clip": 1.0}
        inputs = {"model": ["base", 0], "clip": ["base", 1], "lora_name": f"b/{epoch}.safetensors"}
        graph[epoch] = {"class_type": "LoraLoader", "inputs": {**inputs, **strengths}}
        name = f"{epoch} {prompt} {seed}"
        graph[name] = {
            "class_type": "KSampler",
            "inputs": {
                **{"model": [epoch, 0], "positive": encoded(epoch, prompt)},
                **{"negative": encoded(epoch, NEGATIVE), "latent_image": ["latent", 0]},
                **{"seed": seed, "steps": steps, "cfg": 7.5},
                **{"sampler_name": "euler", "scheduler": "normal", "denoise": 1.0},
            },
        }
        decode = {"samples": [name, 0], "vae": ["base", 2]}
        graph[f"{name} d"] = {"class_type": "VAEDecode", "inputs": decode}
        save = {"images": [f"{name} d", 0], "filename_prefix": "bare"}
        graph[f"{name} s"] = {"class_type": "SaveImage", "inputs": save}
    return graph


def sweep_graph(seeds: str, size: int, steps: int) -> Graph:
    """Return the graph of Bespoke's sweep of the same pictures."""
    lines = "\n".join(f"p{n}: {text}" for n, text in enumerate(PROMPTS))
    links = {
        "model": ["1", 0],
        "clip": ["1", 1],
        "vae": ["1", 2],
        "checkpoints": ["2", 0],
        "prompts": ["3", 0],
    }
    sampler = {"steps": steps, "cfg": 7.5, "sampler_name": "euler", "scheduler": "normal"}
    sprites = {"sprite_width": 24, "sprite_height": 24, "method": "nearest"}
    values = {"sweep_name": "overhead", "seeds": seeds, "width": size, "height": size, "with_base": False}
    return {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "bespoke_base.safetensors"}},
        "2": {"class_type": "Bespoke_FindCheckpoints", "inputs": {"run_folder": "loras/b", "pattern": "*"}},
        "3": {"class_type": "Bespoke_TestPrompts", "inputs": {"prompts": lines, "scenes": "none"}},
        "4": {
            "class_type": "Bespoke_Sweep",
            "inputs": {**links, **values, **sampler, **sprites, "negative_prompt": NEGATIVE},
        },
    }


def timed(work: Callable[[], Any]) -> float:
    """Return the seconds that a piece of work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def run(client: Client, graph: Graph) -> None:
    """Run a graph to its end."""
    client.wait(client.queue(graph), timeout=1200).raise_for_failure()


def load_anew(client: Client, seeds: range, size: int, steps: int) -> None:
    """Load the model anew for each epoch and draw one picture after the other."""
    for epoch in EPOCHS:
        forget = {"unload_models": True, "free_memory": True}
        asyncio.run(client.fetch_json("POST", "/free", forget))
        for prompt in PROMPTS:
            for seed in seeds:
                run(client, core_graph([(epoch, prompt, seed)], size, steps))


def script_seconds(base: Path, comfyui: Path, seeds: range, size: int, steps: int) -> float:
    """Return the seconds that the script with the diffusers pipeline takes, without Python's own start."""
    loras = base / "output" / "loras" / "b"
    job = {
        "path": str(PACK),
        "base": str(base / "models" / "checkpoints" / "bespoke_base.safetensors"),
        "tokenizer": str(comfyui.absolute() / "comfy" / "sd1_tokenizer"),
        "epochs": [str(loras / f"{epoch}.safetensors") for epoch in EPOCHS],
        "out": str(base / "output" / "script"),
        "prompts": PROMPTS,
        "negative_prompt": NEGATIVE,
        "seeds": list(seeds),
        "size": size,
        "steps": steps,
        "threads": os.cpu_count(),
    }
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, str(SCRIPT), json.dumps(job)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=environment,
    )
    return float(json.loads(done.stdout.splitlines()[-1])["seconds"])


def measure(
    client: Client, base: Path, comfyui: Path, rounds: int, size: int, steps: int
) -> dict[str, list[float]]:
    """Return the seconds of each way in each round."""
    times: dict[str, list[float]] = {"bare": [], "sweep": [], "anew": [], "script": []}
    run(client, core_graph([(epoch, PROMPTS[0], 1) for epoch in EPOCHS], size, 1))  # warm
    run(client, sweep_graph("1", size, 1))
    for turn in range(rounds):
        first = 1000 * (turn + 1)
        bare, swept, slow, script = (range(first + 100 * n, first + 100 * n + SEEDS) for n in range(4))
        cells = [(epoch, prompt, seed) for epoch in EPOCHS for prompt in PROMPTS for seed in bare]
        times["bare"].append(timed(lambda cells=cells: run(client, core_graph(cells, size, steps))))
        text = f"{swept[0]}-{swept[-1]}"
        times["sweep"].append(timed(lambda text=text: run(client, sweep_graph(text, size, steps))))
        times["anew"].append(timed(lambda slow=slow: load_anew(client, slow, size, steps)))
        times["script"].append(script_seconds(base, comfyui, script, size, steps))
    return times


def write_loras(base: Path, folder: Path) -> None:
    """Write a LoRA for each epoch, with every module that a trained one has and a small random change."""
    import torch

    from bespoke_core.training.base_model import load_base
    from bespoke_core.training.config import from_values
    from bespoke_core.training.kohya_file import save_lora
    from bespoke_core.training.network import add_lora

    folder.mkdir(parents=True, exist_ok=True)
    config = from_values(
        {
            "pretrained_model_name_or_path": str(base),
            "train_data_dir": str(folder),
            "output_dir": str(folder),
            "output_name": "run",
            "network_dim": 32,
            "network_alpha": 16,
        }
    )
    network = add_lora(load_base(base), config)
    for number, epoch in enumerate(EPOCHS, 1):
        torch.manual_seed(number)
        for layer in network.pairs.values():
            torch.nn.init.normal_(layer.up, std=0.002 * number)
        save_lora(folder / f"{epoch}.safetensors", network, precision="fp16", metadata={})


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--comfyui", type=Path, default=os.environ.get("COMFYUI_PATH"), help="its folder")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        home = Path(os.environ.get("BESPOKE_HOME") or PACK / ".bespoke")
        model = obtain_base_model(home / "base" / "models" / "checkpoints").path
        (base / "models" / "checkpoints").mkdir(parents=True)
        (base / "models" / "checkpoints" / "bespoke_base.safetensors").symlink_to(model)
        write_loras(model, base / "output" / "loras" / "b")
        with ComfyServer(arguments.comfyui, Path(sys.executable), base, pack=PACK) as server:
            times = measure(
                Client(server.url), base, arguments.comfyui, arguments.rounds, arguments.size, arguments.steps
            )
    pictures = len(EPOCHS) * len(PROMPTS) * SEEDS
    print(f"{pictures} pictures of {arguments.size} x {arguments.size}, {arguments.steps} steps")
    middle = {way: statistics.median(seconds) for way, seconds in times.items()}
    for way, seconds in middle.items():
        every = ", ".join(f"{one:.1f}" for one in times[way])
        print(f"{way:<12}{seconds:8.1f} s   {seconds / middle['bare']:5.2f} of bare   ({every})")
    for way in ("anew", "script"):
        print(f"{way} takes {middle[way] / middle['sweep']:.2f} times as long as the sweep")


if __name__ == "__main__":
    main()
