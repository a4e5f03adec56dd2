"""Child of test_loader.py: loads the pack with ComfyUI's own loader and prints what it found as JSON.

Run with ComfyUI's folder as the working directory: `python load_pack.py PACK_FOLDER`.
"""

import asyncio
import json
import sys

sys.path.insert(0, ".")
pack_folder = sys.argv.pop()

import comfy.cli_args  # noqa: E402

comfy.cli_args.args.cpu = True

import nodes  # noqa: E402

asyncio.run(nodes.init_builtin_extra_nodes())
known = set(nodes.NODE_CLASS_MAPPINGS)
before = set(sys.modules)
loaded = asyncio.run(nodes.load_custom_node(pack_folder, module_parent="custom_nodes"))
new_modules = sorted({name.split(".")[0] for name in set(sys.modules) - before})

described = {}
for node_id, node in nodes.NODE_CLASS_MAPPINGS.items():
    if node_id in known:
        continue
    described[node_id] = node.GET_NODE_INFO_V1()
    described[node_id].pop("python_module", None)

print(
    "RESULT"
    + json.dumps(
        {
            "loaded": loaded,
            "new_modules": new_modules,
            "nodes": described,
            "web": list(nodes.EXTENSION_WEB_DIRS),
            "path_has_pack": pack_folder in sys.path,
        },
        default=str,
    )
)
