"""Images, networks and volumes of Docker, and of engines that speak its API; the rest of the module `docker`."""

from __future__ import annotations

import os
import time
from importlib.util import find_spec
from typing import Any

from trisalt.errors import CommandError

__virtualname__ = "docker"


def __virtual__() -> Any:
    if find_spec("docker") is not None:
        return __virtualname__
    return False, "Could not import docker module, is docker-py installed?"


def images(verbose: bool = False, **kwargs: Any) -> dict[str, Any]:
    """
    The images, by id; with `all=True` those that others are made of, too.

    CLI Example:

        salt '*' docker.images
    """
    found = _ask("images", all=bool(kwargs.get("all")))
    return {each["Id"]: {key: value for key, value in each.items() if key != "Id"} for each in found}


def list_tags() -> list[str]:
    """
    The names of the images, with their tags.

    CLI Example:

        salt '*' docker.list_tags
    """
    found = {tag for each in images().values() for tag in each.get("RepoTags") or ()}
    return sorted(found - {"<none>:<none>"})


def inspect_image(name: str) -> dict[str, Any]:
    """
    All that the engine knows of an image.

    CLI Example:

        salt '*' docker.inspect_image busybox
    """
    return _ask("inspect_image", name)


def resolve_image_id(name: str) -> str | bool:
    """
    The id of an image; False when it is not there.

    CLI Example:

        salt '*' docker.resolve_image_id foo:latest
    """
    found = __utils__["dockers.there"]("inspect_image", name)
    return found["Id"] if found else False


def pull(
    image: str, insecure_registry: bool = False, api_response: bool = False, client_timeout: float = 60
) -> dict[str, Any]:
    """
    Get an image from its registry.

    CLI Example:

        salt '*' docker.pull centos:7
    """
    began = time.monotonic()
    before = resolve_image_id(image)
    repository, tag = _split(image)
    kwargs = {"tag": tag, "stream": True, "decode": True, "timeout": client_timeout}
    told = __utils__["dockers.stream"]("pull", repository, **kwargs)
    now = resolve_image_id(image)
    if not now:
        raise CommandError(f"Image '{image}' was not pulled: {_last(told) or 'the engine did not say why'}")
    said: dict[str, Any] = {"retcode": 0, "Time_Elapsed": time.monotonic() - began}
    if now != before:
        said["Status"] = _last(told)
    return {**said, "API_Response": told} if api_response else said


def load(path: str, repository: str | None = None, tag: str | None = None) -> dict[str, Any]:
    """
    Take images from a file that `docker save` wrote; one image may be given a name.

    CLI Example:

        salt '*' docker.load /path/to/image.tar repository=myuser/myimage tag=mytag
    """
    if not os.path.isabs(path) or not os.path.isfile(path):
        raise CommandError(f"Source file {path} does not exist")
    began = time.monotonic()
    before = list_tags()
    with open(path, "rb") as file:
        told = __utils__["dockers.stream"]("load_image", file)
    loaded = [
        str(each["stream"]).strip().partition(": ")[2] for each in told if "Loaded image" in str(each.get("stream"))
    ]
    if repository:
        if len(loaded) != 1:
            raise CommandError(f"{path} has {len(loaded)} images, and one name for them")
        _ask("tag", loaded[0].split(",")[0], repository, tag or "latest")
    return {
        "Path": path,
        "Layers": loaded,
        "Tags": sorted({*list_tags()} - {*before}),
        "Time_Elapsed": time.monotonic() - began,
    }


def save(name: str, path: str, overwrite: bool = False, makedirs: bool = False) -> dict[str, Any]:
    """
    Write an image to a file, as `docker load` takes it.

    CLI Example:

        salt '*' docker.save centos:7 /tmp/cent7.tar
    """
    if not os.path.isabs(path):
        raise CommandError(f"Path '{path}' is not absolute")
    if os.path.exists(path) and not overwrite:
        raise CommandError(f"{path} already exists")
    if makedirs:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    part = f"{path}.part"
    try:
        with open(part, "wb") as file:
            for chunk in _ask("get_image", name):
                file.write(chunk)
        os.replace(part, path)
    except OSError as exc:
        raise CommandError(f"Unable to save image to {path}: {exc.strerror or exc}") from exc
    finally:
        if os.path.exists(part):
            os.remove(part)
    return {"Path": path, "Size": os.path.getsize(path)}


def build(
    path: str,
    repository: str | None = None,
    tag: str | None = None,
    cache: bool = True,
    rm: bool = True,
    dockerfile: str | None = None,
    buildargs: dict[str, str] | None = None,
) -> dict[str, Any]:
    """
    Make an image of a folder that has a Dockerfile.

    CLI Example:

        salt '*' docker.build /path/to/docker/build/dir myimage dev
    """
    began = time.monotonic()
    name = f"{repository}:{tag or 'latest'}" if repository else None
    kwargs = {"path": path, "tag": name, "nocache": not cache, "rm": rm, "decode": True, "dockerfile": dockerfile}
    told = __utils__["dockers.stream"]("build", buildargs=buildargs, **kwargs)
    said = "".join(str(each.get("stream", "")) for each in told)
    found: dict[str, Any] = {"retcode": 0, "Stream": said, "Time_Elapsed": time.monotonic() - began}
    return {**found, "Id": resolve_image_id(name), "Image": name} if name else found


def tag(name: str, repository: str, tag: str = "latest", force: bool = False) -> bool:
    """
    Give an image one more name.

    CLI Example:

        salt '*' docker.tag 0123456789ab myrepo/mycontainer mytag
    """
    return _ask("tag", name, repository, tag, force=force)


def rmi(*names: str, **kwargs: Any) -> dict[str, Any]:
    """
    Take names from images, and remove those that then have none: what was removed, and what went wrong.

    CLI Example:

        salt '*' docker.rmi busybox
    """
    removed: dict[str, Any] = {"Layers": [], "Tags": [], "retcode": 0}
    for name in names:
        try:
            told = _ask("remove_image", name, force=bool(kwargs.get("force")), noprune=not kwargs.get("prune", True))
        except CommandError as exc:
            if exc.error.startswith("Error 404:") and len(names) == 1:
                raise
            removed.setdefault("Errors", []).append(exc.error)
            removed["retcode"] = 1
            continue
        removed["Layers"] += [each["Deleted"] for each in told or () if each.get("Deleted")]
        removed["Tags"] += [each["Untagged"] for each in told or () if each.get("Untagged")]
    if removed["retcode"]:
        __context__["retcode"] = 1
    return removed


def networks(names: Any = None, ids: Any = None) -> list[dict[str, Any]]:
    """
    The networks, or those of these names or ids.

    CLI Example:

        salt '*' docker.networks names='[web]'
    """
    wanted = [names] if isinstance(names, str) else names
    found = _ask("networks", names=wanted, ids=[ids] if isinstance(ids, str) else ids)
    # The engine takes a part of a name for it.
    return [each for each in found if not wanted or each["Name"] in wanted]


def inspect_network(network_id: str) -> dict[str, Any]:
    """
    All that the engine knows of a network.

    CLI Example:

        salt '*' docker.inspect_network web
    """
    return _ask("inspect_network", network_id)


def create_network(name: str, **kwargs: Any) -> dict[str, Any]:
    """
    Make a network: `driver`, `subnet`, `gateway`, `iprange`, `internal`, `attachable`, `labels`, `options`.

    CLI Example:

        salt '*' docker.create_network web driver=bridge subnet=10.20.0.0/24
    """
    given = {key: value for key, value in kwargs.items() if not key.startswith("__")}
    return _ask("create_network", name, **__utils__["dockerspecs.network"](given))


def remove_network(network_id: str) -> bool:
    """
    Remove a network, in which no container may be.

    CLI Example:

        salt '*' docker.remove_network web
    """
    _ask("remove_network", network_id)
    return True


def connect_container_to_network(container: str, net_id: str, **kwargs: Any) -> bool:
    """
    Have a container be in a network.

    CLI Example:

        salt '*' docker.connect_container_to_network web front ipv4_address=10.20.0.10
    """
    options = {key: value for key, value in kwargs.items() if not key.startswith("__")}
    _ask("connect_container_to_network", container, net_id, **options)
    return True


def disconnect_container_from_network(container: str, network_id: str) -> bool:
    """
    Have a container be in a network no more.

    CLI Example:

        salt '*' docker.disconnect_container_from_network web front
    """
    _ask("disconnect_container_from_network", container, network_id, force=True)
    return True


def volumes(filters: Any = None) -> dict[str, Any]:
    """
    The volumes: `{Volumes, Warnings}`.

    CLI Example:

        salt '*' docker.volumes filters="{'dangling': True}"
    """
    return _ask("volumes", filters=filters)


def inspect_volume(name: str) -> dict[str, Any]:
    """
    All that the engine knows of a volume.

    CLI Example:

        salt '*' docker.inspect_volume my_volume
    """
    return _ask("inspect_volume", name)


def create_volume(name: str, driver: str | None = None, driver_opts: Any = None) -> dict[str, Any]:
    """
    Make a volume.

    CLI Example:

        salt '*' docker.create_volume my_volume driver=local
    """
    options = __utils__["dockerspecs.options"](driver_opts)
    return _ask("create_volume", name, driver=driver, driver_opts=options or None)


def remove_volume(name: str) -> bool:
    """
    Remove a volume.

    CLI Example:

        salt '*' docker.remove_volume my_volume
    """
    _ask("remove_volume", name)
    return True


def _split(image: str) -> tuple[str, str | None]:
    """A name, and what follows its colon; a registry may have a port."""
    name, sign, tag = str(image).rpartition(":")
    return (name, tag) if sign and "/" not in tag else (str(image), None)


def _last(told: list[dict[str, Any]]) -> str:
    return next((str(each["status"]) for each in reversed(told) if each.get("status")), "")


def _ask(function: str, *args: Any, **kwargs: Any) -> Any:
    return __utils__["dockers.ask"](function, *args, **kwargs)
