"""What `docs/health.md` says of the metrics port, and the names that are really there."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from prometheus_client.parser import text_string_to_metric_families

from trisalt.transport.metrics import _renderer

PAGE = (Path(__file__).parents[2] / "docs" / "health.md").read_text()


def named(prefix):
    """The names that begin with `prefix` on the page, alert rules included."""
    return set(re.findall(rf"\b{prefix}_\w+", PAGE))


def rules():
    """The expressions of the example of alert rules."""
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    return {rule["alert"]: rule["expr"] for group in yaml.safe_load(text)["groups"] for rule in group["rules"]}


def exposed(families):
    """The names under which Prometheus finds these figures: of samples, and of whole histograms."""
    found = set()
    for family in text_string_to_metric_families(_renderer()(families).decode()):
        found |= {sample.name for sample in family.samples}
        # A counter's own name is no sample's, and nobody may ask for it.
        found |= {family.name} if family.type in ("histogram", "gauge") else {f"{family.name}_total"}
    return found


def documented(families):
    """What of these figures must stand on the page: one name each."""
    return {f"{family.name}_total" if family.kind == "counter" else family.name for family in families}
