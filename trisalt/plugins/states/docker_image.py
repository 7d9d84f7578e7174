"""Images of Docker, and of engines that speak its API.

nginx:
  docker_image.present:
    - tag: 1.27
"""

from __future__ import annotations

from typing import Any

from trisalt.errors import TrisaltError
from trisalt.plugins.utils.statehelp import as_list
from trisalt.state.result import returned


def __virtual__() -> Any:
    if "docker.version" in __salt__:
        return True
    return False, "'docker.version' is not available."


def present(
    name: str,
    tag: Any = None,
    build: str | None = None,
    load: str | None = None,
    force: bool = False,
    client_timeout: float = 60,
    dockerfile: str | None = None,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    An image is there: pulled, loaded from a file (`load`), or built of a folder (`build`); anew with `force`.
    """
    image = f"{name}:{tag}" if tag is not None else str(name)
    if build and load:
        return returned(name, False, "Only one of 'build' or 'load' is permitted.")
    if (build or load) and ":" not in image.rpartition("/")[2]:
        return returned(name, False, f"The tag of {image} is needed")
    repository, _, label = image.rpartition(":")
    word = "built" if build else "loaded" if load else "pulled"
    try:
        if __salt__["docker.resolve_image_id"](image) and not force:
            return returned(name, True, f"Image {image} already present")
        if __opts__["test"]:
            return returned(name, None, f"Image {image} will be {word}")
        if load:
            path = __salt__["cp.cache_file"](load) if "://" in load else load
            if not path:
                return returned(name, False, f"Encountered error loading {load} as {image}: it cannot be fetched")
            changes = __salt__["docker.load"](path, repository, label)
        elif build:
            changes = __salt__["docker.build"](build, repository, label, dockerfile=dockerfile)
        else:
            changes = __salt__["docker.pull"](image, client_timeout=client_timeout)
    except TrisaltError as exc:
        what = f"loading {load} as" if load else f"building {build} as" if build else "pulling"
        return returned(name, False, f"Encountered error {what} {image}: {exc}")
    changed = force or "Status" in changes or word != "pulled"
    return returned(name, True, f"Image '{image}' was {word}", changes if changed else {})


def absent(name: str | None = None, images: Any = None, force: bool = False) -> dict[str, Any]:
    """
    Images are not there under these names.
    """
    targets = [str(each) for each in as_list(images)] or [str(name)]
    try:
        there = [each for each in targets if __salt__["docker.resolve_image_id"](each)]
        if not there:
            if len(targets) == 1:
                return returned(name, True, f"Image {targets[0]} is not present")
            return returned(name, True, "All specified images are not present")
        many = f"The following image(s) {{}}: {', '.join(there)}"
        if __opts__["test"]:
            text = f"Image {there[0]} will be removed" if len(targets) == 1 else many.format("will be removed")
            return returned(name, None, text, {"Tags": there})
        changes = __salt__["docker.rmi"](*there, force=force)
    except TrisaltError as exc:
        return returned(name, False, f"Failed to remove image {', '.join(targets)}: {exc}")
    if changes["retcode"]:
        return returned(name, False, "\n".join(changes.get("Errors", ())), changes)
    text = f"Image {there[0]} was removed" if len(targets) == 1 else many.format("were removed")
    return returned(name, True, text, changes)
