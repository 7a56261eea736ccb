"""Token dictionary 3 and the tag bytes of WhatsApp's binary XML.

Source: whatsmeow binary/token/token.go; `tokens.json` holds the dictionary as data.
"""

import json
from pathlib import Path
from typing import Final

LIST_EMPTY: Final = 0
DICTIONARY_0: Final = 236
DICTIONARY_3: Final = 239
INTEROP_JID: Final = 245
MESSENGER_JID: Final = 246
DEVICE_JID: Final = 247
LIST_8: Final = 248
LIST_16: Final = 249
JID_PAIR: Final = 250
HEX_8: Final = 251
BINARY_8: Final = 252
BINARY_20: Final = 253
BINARY_32: Final = 254
NIBBLE_8: Final = 255

PACKED_MAX_CHARACTERS: Final = 127
NIBBLES: Final = "0123456789-."
HEX_DIGITS: Final = "0123456789ABCDEF"

_TABLES = json.loads((Path(__file__).parent / "tokens.json").read_text())
SINGLE: Final[list[str]] = _TABLES["single"]
DOUBLE: Final[list[list[str]]] = _TABLES["double"]
SINGLE_INDEX: Final = {token: index for index, token in enumerate(SINGLE) if token}
DOUBLE_INDEX: Final = {
    token: (dictionary, index)
    for dictionary, tokens in enumerate(DOUBLE)
    for index, token in enumerate(tokens)
}
