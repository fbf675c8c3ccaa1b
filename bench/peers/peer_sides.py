"""How each gateway is started in front of the lab, configured as its documentation says for one worker and one key."""

import json
import os
import string

from processes import Process, free_port
from sides import KEY, Sides

LITELLM = string.Template("""
model_list:
  - model_name: "bench-*"
    litellm_params: { model: "openai/bench-*", api_base: "http://$upstream/v1", api_key: none }
general_settings: { master_key: $key }
""")


class PeerSides(Sides):
    programs = {}  # side: the first words of its command

    def start(self, side, cpus, **options):
        if side not in self.programs:
            return super().start(side, cpus, **options)
        port = free_port()
        command, environment = getattr(self, side)(port)
        process = Process(side, command, cpus, self.folder / f"{side}-{port}.log", [port], patience=60,
                          environment=os.environ | environment)
        self.started.append(process)
        return process, port

    def litellm(self, port):
        config = self.write(f"litellm-{port}.yaml", LITELLM, key=KEY)
        return ([*self.programs["litellm"], "--config", config, "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"],
                {"LITELLM_TELEMETRY": "False", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"})

    def portkey(self, port):
        """Its upstream is in the headers of each request: see `headers`."""
        return [*self.programs["portkey"], "--headless", f"--port={port}"], {"NODE_ENV": "production"}

    def bifrost(self, port):
        folder = self.folder / f"bifrost-{port}"
        folder.mkdir()
        models = ["bench-json", "bench-stream", "bench-hold"]
        (folder / "config.json").write_text(json.dumps({"providers": {"openai": {
            "keys": [{"value": "none", "models": models, "weight": 1.0}],
            "network_config": {"base_url": f"http://127.0.0.1:{self.upstream_port}"},
            "concurrency_and_buffer_size": {"concurrency": 1000, "buffer_size": 5000}}}}))
        return ([*self.programs["bifrost"], "-app-dir", str(folder), "-host", "127.0.0.1", "-port", str(port)],
                {"GOMAXPROCS": "1"})

    def headers(self):
        """What only one of the gateways reads; all get them, so that all get the same request."""
        return ["--header", "x-portkey-provider: openai",
                "--header", f"x-portkey-custom-host: http://127.0.0.1:{self.upstream_port}/v1"]
