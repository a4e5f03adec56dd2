"""A real ComfyUI: obtained, started, stopped, and driven over HTTP and WebSocket."""
