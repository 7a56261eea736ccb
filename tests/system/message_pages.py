"""The pages of docs/messages/, read as what they are: commands to type and what comes of them.

A page has fenced blocks. `sh` is typed into one shell, from top to bottom. What follows it says
what comes of it, and all of it must come true before the next command is typed:
- `json answer`: the answer of the last command,
- `json event`: an event of the log,
- `json phone`: an entry in the inbox of Ann's phone.
Fields that are not shown may be there. "…" in a string stands for any text. A string "$NAME" is
any value, called NAME from then on, in later blocks and for the shell.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(
    r"^```(?P<kind>[a-z]+(?: [a-z]+)?)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)
KINDS = ("sh", "json answer", "json event", "json phone")
NAME = re.compile(r"\$([A-Z_]+)")


@dataclass(frozen=True)
class Block:
    kind: str
    text: str

    @property
    def shown(self):
        return json.loads(self.text)


def blocks_of(path: Path) -> list[Block]:
    """The blocks of a page that are run or checked. A command outside of them is an error."""
    page = path.read_text()
    found = [Block(match["kind"], match["text"]) for match in BLOCK.finditer(page)]
    outside = BLOCK.sub("", page)
    assert "curl -" not in outside, f"{path.name}: a curl line that nobody would run"
    assert {block.kind for block in found} <= set(KINDS), path.name
    for block, after in zip(found, [*found[1:], None], strict=True):
        if block.kind == "sh":
            assert after and after.kind != "sh", f"{path.name}: what comes of\n{block.text}"
    return found


def differences(shown, found, bound: dict[str, str], at: str = "") -> list[str]:
    """Where `found` is not as shown. Adds to `bound` the names that it meets."""
    if isinstance(shown, dict):
        if not isinstance(found, dict):
            return [f"{at}: {found!r} is no object"]
        missing = [f"{at}.{name}: missing" for name in shown if name not in found]
        return missing + [
            line
            for name, value in shown.items()
            if name in found
            for line in differences(value, found[name], bound, f"{at}.{name}")
        ]
    if isinstance(shown, list):
        if not isinstance(found, list) or len(found) != len(shown):
            return [f"{at}: {found!r} has not {len(shown)} entries"]
        return [
            line
            for n, (one, other) in enumerate(zip(shown, found, strict=True))
            for line in differences(one, other, bound, f"{at}[{n}]")
        ]
    if isinstance(shown, str) and (name := NAME.fullmatch(shown)):
        if not isinstance(found, str) or not found:
            return [f"{at}: {found!r} is no text"]
        known = bound.setdefault(name[1], found)
        return [] if known == found else [f"{at}: {found!r}, but {shown} is {known!r}"]
    if isinstance(shown, str) and "…" in shown:
        form = ".+".join(re.escape(part) for part in shown.split("…"))
        fits = isinstance(found, str) and re.fullmatch(form, found, re.DOTALL)
        return [] if fits else [f"{at}: {found!r} is not like {shown!r}"]
    same = shown == found and isinstance(shown, bool) == isinstance(found, bool)
    return [] if same else [f"{at}: {found!r} and not {shown!r}"]


class Shell:
    """One bash that keeps its variables from block to block."""

    MARK = "--- typed ---"
    PATIENCE = 60.0  # seconds for one block

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._errors = (folder / "shell.err").open("w+")
        self._bash = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-s"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def set(self, name: str, value: str) -> None:
        self._write(f"{name}={shlex.quote(value)}\n")

    def type(self, commands: str) -> str:
        """What the commands print. AssertionError when one of them fails."""
        self._write(f"{{\n{commands}\n}} </dev/null\nprintf '\\n%s\\n' '{self.MARK}'\n")
        timer = threading.Timer(self.PATIENCE, self._bash.kill)
        timer.start()
        try:
            printed = []
            for line in self._bash.stdout:
                if line.rstrip("\n") == self.MARK:
                    return "".join(printed)
                printed.append(line)
        finally:
            timer.cancel()
        self._errors.seek(0)
        raise AssertionError(f"{commands}\n{''.join(printed)}\n{self._errors.read()[-2000:]}")

    def _write(self, text: str) -> None:
        self._bash.stdin.write(text)
        self._bash.stdin.flush()

    def close(self) -> None:
        self._bash.stdin.close()
        self._bash.stdout.close()
        self._bash.wait(10)
        self._errors.close()


def last_answer(printed: str):
    """The last JSON document of what was printed."""
    decoder, at, found = json.JSONDecoder(), 0, None
    while (start := re.compile(r"[{\[]").search(printed, at)) is not None:
        try:
            found, at = decoder.raw_decode(printed, start.start())
        except ValueError:
            at = start.start() + 1
    return found
