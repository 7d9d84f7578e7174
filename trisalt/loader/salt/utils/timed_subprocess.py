"""A command that ends in time."""

import shlex
import subprocess

from salt.exceptions import TimedProcTimeoutError


class TimedProc:
    """A `Popen` that is killed when its time is over."""

    def __init__(self, args, **kwargs):
        self.wait = not kwargs.pop("bg", False)
        self.stdin = kwargs.pop("stdin", None)
        self.with_communicate = kwargs.pop("with_communicate", self.wait)
        self.timeout = kwargs.pop("timeout", None)
        self.stdin_raw_newlines = kwargs.pop("stdin_raw_newlines", False)
        if self.timeout is not None and not isinstance(self.timeout, int | float):
            raise ValueError(f"Error: timeout {self.timeout} must be a number")
        if self.stdin is not None:
            if isinstance(self.stdin, str):
                text = self.stdin if self.stdin_raw_newlines else "\n".join(self.stdin.split("\\n"))
                self.stdin = text.encode()
            kwargs["stdin"] = subprocess.PIPE
        if not self.with_communicate:
            self.stdout = kwargs["stdout"] = None
            self.stderr = kwargs["stderr"] = None
        shell = kwargs.get("shell", False)
        self.command = args if shell else [str(word) for word in (shlex.split(args) if isinstance(args, str) else args)]
        try:
            self.process = subprocess.Popen(self.command, **kwargs)
        except FileNotFoundError as exc:
            raise OSError(exc.errno, f"{exc.strerror}: {self.command!r}") from exc

    def run(self):
        """Wait for it: the exit status. Raises TimedProcTimeoutError."""
        try:
            if self.with_communicate:
                self.stdout, self.stderr = self.process.communicate(input=self.stdin, timeout=self.timeout)
            elif self.wait:
                self.process.wait(timeout=self.timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise TimedProcTimeoutError(f"{self.command} : Timed out after {self.timeout} seconds") from None
        return self.process.returncode
