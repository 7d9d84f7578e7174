"""What two mappings have, and what differs."""

from collections.abc import Mapping


class DictDiffer:
    """Keys that were added, removed, changed or left as they were."""

    def __init__(self, current_dict, past_dict):
        self.current_dict, self.past_dict = current_dict, past_dict

    def added(self):
        """Keys that are new."""
        return set(self.current_dict) - set(self.past_dict)

    def removed(self):
        """Keys that are gone."""
        return set(self.past_dict) - set(self.current_dict)

    def changed(self):
        """Keys with another value."""
        return {key for key in self._both() if self.past_dict[key] != self.current_dict[key]}

    def unchanged(self):
        """Keys with the same value."""
        return {key for key in self._both() if self.past_dict[key] == self.current_dict[key]}

    def _both(self):
        return set(self.current_dict) & set(self.past_dict)


def diff(current_dict, past_dict):
    """A differ of two mappings."""
    return DictDiffer(current_dict, past_dict)


def deep_diff(old, new, ignore=None):
    """`{"old", "new"}` of what differs in nested mappings."""
    ignored = ignore or []
    before, after = {}, {}
    for key in {**old, **new}:
        if key in ignored or (old.get(key) == new.get(key) and key in old and key in new):
            continue
        if isinstance(old.get(key), Mapping) and isinstance(new.get(key), Mapping):
            inner = deep_diff(old[key], new[key], ignored)
            if "old" in inner:
                before[key] = inner["old"]
            if "new" in inner:
                after[key] = inner["new"]
            continue
        if key in old:
            before[key] = old[key]
        if key in new:
            after[key] = new[key]
    found = {"old": before, "new": after}
    return {side: values for side, values in found.items() if values}


def recursive_diff(past_dict, current_dict, ignore_missing_keys=True, list_dict_matchers=None):
    """A differ of nested mappings."""
    return RecursiveDictDiffer(past_dict, current_dict, ignore_missing_keys)


class RecursiveDictDiffer(DictDiffer):
    """What differs in nested mappings: `diffs` by key, and paths (`a.b`) of what was added, removed and changed."""

    NONE_VALUE = "<_null_>"

    def __init__(self, past_dict, current_dict, ignore_missing_keys=True, list_dict_matchers=None):
        super().__init__(current_dict, past_dict)
        self.ignore_missing_values = True
        self._diffs = self._differ(past_dict, current_dict, ignore_missing_keys)

    def _differ(self, old, new, ignore_missing):
        found = {}
        for key in {**new} if ignore_missing else {**old, **new}:
            if key in old and key in new and old[key] == new[key]:
                continue
            if isinstance(old.get(key), dict) and isinstance(new.get(key), dict):
                if inner := self._differ(old[key], new[key], ignore_missing):
                    found[key] = inner
                continue
            found[key] = {"old": old.get(key, self.NONE_VALUE), "new": new.get(key, self.NONE_VALUE)}
        return found

    @property
    def diffs(self):
        """What differs, by key."""
        return self._diffs

    @staticmethod
    def _is_leaf(value):
        return set(value) == {"old", "new"} and not any(
            isinstance(each, dict) and set(each) == {"old", "new"} for each in value.values()
        )

    def _paths(self, diffs, wanted, before=""):
        found = []
        for key, value in diffs.items():
            path = f"{before}{key}"
            if self._is_leaf(value):
                if wanted(value):
                    found.append(path)
            else:
                found += self._paths(value, wanted, f"{path}.")
        return found

    def added(self):
        """Paths that are new."""
        return sorted(self._paths(self._diffs, lambda value: value["old"] == self.NONE_VALUE))

    def removed(self):
        """Paths that are gone."""
        return sorted(self._paths(self._diffs, lambda value: value["new"] == self.NONE_VALUE))

    def changed(self):
        """Paths with another value."""
        none = self.NONE_VALUE
        return sorted(self._paths(self._diffs, lambda value: none not in (value["old"], value["new"])))

    @property
    def old_values(self):
        """What was, where it differs."""
        return self._side(self._diffs, "old")

    @property
    def new_values(self):
        """What is, where it differs."""
        return self._side(self._diffs, "new")

    def _side(self, diffs, side):
        found = {}
        for key, value in diffs.items():
            if not self._is_leaf(value):
                found[key] = self._side(value, side)
            else:
                found[key] = value[side]
        return found

    @property
    def changes_str(self):
        """What differs, as a person reads it."""
        return "\n".join(self._told(self._diffs))

    def _told(self, diffs, indent=""):
        lines = []
        for key, value in diffs.items():
            if self._is_leaf(value):
                lines.append(f"{indent}{key} from {self._said(value['old'])} to {self._said(value['new'])}")
            else:
                lines += [f"{indent}{key}:", *self._told(value, f"{indent}  ")]
        return lines

    def _said(self, value):
        if value == self.NONE_VALUE:
            return "nothing"
        return f"'{value}'" if isinstance(value, str) else str(value)
