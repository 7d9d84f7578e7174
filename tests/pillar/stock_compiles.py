"""Run by stock Salt's own Python: compile all the cases below a folder, and print what comes out as JSON."""

import json
import logging
import sys
from pathlib import Path

import salt.config
import salt.pillar
import salt.utils.secret
from pillar_cases import CASES, options

logging.disable(logging.CRITICAL)
root = Path(sys.argv[1])
compiled = {}
for name, case in CASES.items():
    opts = salt.config.apply_master_config({"cachedir": str(root / "cache" / name), "root_dir": str(root / "root")})
    opts.update(options(root, name), __role="master", file_roots={"base": [str(root / "none")]})
    request = dict(case["request"])
    if "pillar" in request:
        opts["pillar"] = request.pop("pillar")
    saltenv = request.pop("saltenv", None)
    pillar = salt.pillar.Pillar(opts, dict(case["grains"]), case["id"], saltenv, **request).compile_pillar()
    compiled[name] = salt.utils.secret.expose(pillar)
print(json.dumps(compiled, indent=1, default=str).replace(str(root), "ROOT"))
