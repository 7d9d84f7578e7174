"""What the mine holds."""

MINE_ITEM_ACL_ID = "__saltmine_acl__"
MINE_ITEM_ACL_VERSION = 1
MINE_ITEM_ACL_DATA = "__data__"


def wrap_acl_structure(function_data, allow_tgt=None, allow_tgt_type=None):
    """Data of the mine with who may see it."""
    wrapped = {MINE_ITEM_ACL_DATA: function_data, MINE_ITEM_ACL_ID: MINE_ITEM_ACL_VERSION}
    if allow_tgt:
        wrapped["allow_tgt"] = allow_tgt
        if allow_tgt_type:
            wrapped["allow_tgt_type"] = allow_tgt_type
    return wrapped


def parse_function_definition(function_definition):
    """(name, args, kwargs, allowed) of an entry of `mine_functions`."""
    kwargs, args, name = {}, [], None
    if isinstance(function_definition, dict):
        kwargs = dict(function_definition)
        name = kwargs.pop("mine_function", None)
    elif isinstance(function_definition, list):
        for item in function_definition:
            if isinstance(item, dict):
                for key, value in item.items():
                    if key == "mine_function":
                        name = value
                    else:
                        kwargs[key] = value
            else:
                args.append(item)
    allowed = {key: kwargs.pop(key) for key in ("allow_tgt", "allow_tgt_type") if key in kwargs}
    return name, args, kwargs, allowed
