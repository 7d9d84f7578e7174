"""
Keeps returns in a file.
"""

import salt.returners
import salt.utils.files
import salt.utils.json


def returner(ret):
    options = salt.returners.get_returner_options(
        "keep", ret, {"path": "path"}, __salt__=__salt__, __opts__=__opts__, defaults={"path": "/nonexistent/x"}
    )
    with salt.utils.files.fopen(options["path"], "a") as file:
        file.write(salt.utils.json.dumps(ret, sort_keys=True) + "\n")
