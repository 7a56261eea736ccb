"""Stanzas in memory: a tag, attributes, and either bytes or child nodes.

Attributes that hold addresses are `Jid` objects, because on the wire a JID is a token of its own
and clients ignore addresses written as text. `StanzaError` is what a handler raises when the
client sent a well-formed node that asks for something impossible.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sandbox.wire.jids import Jid

Attribute = str | int | Jid | None
Content = bytes | Sequence["Node"] | None


class StanzaError(Exception):
    """A stanza cannot be served; becomes `<error code text>` for an iq."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text


@dataclass(slots=True)
class Node:
    """One stanza or part of one. Attributes that are None or empty are not written."""

    tag: str
    attrs: dict[str, Attribute] = field(default_factory=dict)
    content: Content = None

    @property
    def children(self) -> Sequence["Node"]:
        """The child nodes, none when the content is bytes or absent."""
        if self.content is None or isinstance(self.content, bytes):
            return ()
        return self.content

    @property
    def data(self) -> bytes:
        """The content as bytes, empty when there is none."""
        return self.content if isinstance(self.content, bytes) else b""

    def child(self, tag: str) -> "Node | None":
        """The first child with this tag."""
        return next((child for child in self.children if child.tag == tag), None)

    def text(self, key: str) -> str:
        """The attribute as text, empty when absent."""
        value = self.attrs.get(key)
        return "" if value is None else str(value)

    def jid(self, key: str) -> Jid | None:
        """The attribute when it is an address."""
        value = self.attrs.get(key)
        return value if isinstance(value, Jid) else None

    def require(self, tag: str) -> "Node":
        """The child with this tag. Raises StanzaError (400) when it is missing."""
        child = self.child(tag)
        if child is None:
            raise StanzaError(400, f"<{self.tag}> without <{tag}>")
        return child

    def require_jid(self, key: str) -> Jid:
        """The address in this attribute. Raises StanzaError (400) when it is missing."""
        jid = self.jid(key)
        if jid is None:
            raise StanzaError(400, f"<{self.tag}> without a JID in {key}")
        return jid

    def require_data(self, size: int | None = None) -> bytes:
        """The content as bytes of this size. Raises StanzaError (400)."""
        if not isinstance(self.content, bytes):
            raise StanzaError(400, f"<{self.tag}> holds no bytes")
        if size is not None and len(self.content) != size:
            raise StanzaError(400, f"<{self.tag}> holds {len(self.content)} bytes, not {size}")
        return self.content

    def __str__(self) -> str:
        attrs = "".join(f' {key}="{value}"' for key, value in self.attrs.items())
        if self.content is None:
            return f"<{self.tag}{attrs}/>"
        if isinstance(self.content, bytes):
            return f"<{self.tag}{attrs}>({len(self.content)} bytes)</{self.tag}>"
        shown = "".join(str(child) for child in self.content[:4])
        more = f"(+{len(self.content) - 4})" if len(self.content) > 4 else ""
        return f"<{self.tag}{attrs}>{shown}{more}</{self.tag}>"
