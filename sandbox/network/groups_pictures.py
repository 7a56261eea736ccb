"""The pictures of groups. `pictures` answers the iqs, for people and groups alike."""

import base64

from sandbox.network import groups_settings
from sandbox.network.groups import Group
from sandbox.network.hub import Network
from sandbox.network.model import Phone

DOCUMENT = "group_picture"


def set_picture(
    network: Network, group: Group, author: Phone, picture: bytes, picture_id: str
) -> None:
    """Replace the picture (empty bytes: remove it) and tell the members.

    Raises GroupRefusal (403).
    """
    groups_settings.set_picture_id(network, group, author, picture_id if picture else "")
    network.store.save_document(DOCUMENT, group.user, base64.b64encode(picture).decode())


def picture(network: Network, group: Group) -> bytes:
    """The group's picture, empty when it has none."""
    return base64.b64decode(network.store.document(DOCUMENT, group.user) or "")
