"""What is done to the result of a state function."""

import functools


class OutputUnifier:
    """A state function whose result is made whole (`content_check`) and true to its sub-states (`unify`)."""

    def __init__(self, *policies):
        self.policies = [getattr(self, policy) for policy in policies if hasattr(self, policy)]

    def __call__(self, func):
        """Wrap a state function."""

        @functools.wraps(func)
        def wrapped(*args, **kwargs):
            result = func(*args, **kwargs)
            for policy in self.policies:
                try:
                    result = policy(result)
                except Exception as exc:  # a result that says no is a result
                    comment = f"An exception occurred in this state: {exc}"
                    result = {"result": False, "name": "later", "changes": {}, "comment": comment}
            return result

        return wrapped

    def content_check(self, result):
        """Raise Exception for a result that lacks what every one has."""
        if not isinstance(result, dict):
            raise Exception("Malformed state return. Data must be a dictionary type.")
        if not isinstance(result.get("changes"), dict):
            raise Exception("'Changes' should be a dictionary.")
        missing = [key for key in ("name", "result", "changes", "comment") if key not in result]
        if missing:
            raise Exception("The following keys were not present in the state return: {}.".format(", ".join(missing)))
        return result

    def unify(self, result):
        """Comments as one text, and false where a sub-state is."""
        if isinstance(result.get("comment"), list):
            result["comment"] = "\n".join(str(line) for line in result["comment"])
        if result.get("result") is not None:
            result["result"] = bool(result["result"])
        return result
