"""A phone that starts anew: the app was installed again, or moved to another handset.

It has other keys than before, its companions are gone, and everybody who talks to it is told. It
is what lies behind messages that reach the companions of a number but not its phone.
"""

from sandbox.network import app_state, device_links, groups_keys, groups_notices
from sandbox.network.hub import Network
from sandbox.network.model import Device, Phone
from sandbox.wire import stanzas
from sandbox.wire.nodes import Node


def reinstall(network: Network, phone: Phone) -> list[Device]:
    """Give the phone new keys, unlink its companions and tell the others; who was unlinked."""
    unlinked = device_links.unlink(network, phone, None)
    phone.renew_keys()
    network.store.save_phone(phone)
    network.store.delete_sessions_of(phone.digits)
    network.store.delete_sessions_with(str(phone.lid))
    groups_keys.forget_keys_of(network, phone)
    app_state.forget(network, phone)
    for other in network.phones:
        for device in list(other.devices.values()):
            node_id = groups_notices.new_notification_id()
            news = stanzas.notification("encrypt", node_id, network.now(), [Node("identity")])
            news.attrs |= {"from": phone.jid, "lid": phone.lid}
            network.deliver(device, news, groups_notices.notification_key(node_id))
    return unlinked
