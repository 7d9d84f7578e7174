"""What returners share."""

from trisalt.loader.returner import get_returner_options

__all__ = ["get_returner_options"]
