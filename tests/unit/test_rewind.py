"""Sessions are wound back far enough to read everything again, and what is for sending stays.

The other side, and the reading, are the sandbox's own Signal, which knows nothing of this code.
"""

import base64
import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.signal.agreement import OwnKeys, initiate, respond
from sandbox.signal.ratchet import Chain, MessageKeys, RatchetState
from sandbox.wire import xeddsa
from sandbox.wire.key_nodes import KeyBundle, PublicPrekey
from sandbox.wire.keys import DJB_TYPE, KeyPair, derive
from sessions_mgr.engines.neonize_rewind import (
    DeviceKeys,
    NotUnderstood,
    Past,
    rewind_sender_keys,
    rewind_sessions,
)

ROW = "100_1:0"


def text(data):
    return base64.b64encode(data).decode()


def data(text):
    return base64.b64decode(text)


def record(state, base, pending=None):
    """The state as whatsmeow's store has it."""

    def chain_document(public, chain, private=None):
        return {
            "SenderRatchetKeyPublic": text(DJB_TYPE + public),
            "SenderRatchetKeyPrivate": private and text(private),
            "ChainKey": {"Key": text(chain.key), "Index": chain.index},
            "MessageKeys": [
                {
                    "CipherKey": text(keys.cipher),
                    "MacKey": text(keys.mac),
                    "IV": text(keys.iv),
                    "Index": index,
                }
                for (of, index), keys in state.skipped.items()
                if of == public and private is None
            ],
        }

    document = {
        "SessionState": {
            "SenderBaseKey": text(DJB_TYPE + base),
            "RemoteIdentityPublic": text(DJB_TYPE + state.their_identity),
            "RootKey": text(state.root),
            "PendingPreKey": pending,
            "PreviousCounter": state.previous_counter,
            "ReceiverChains": [chain_document(p, c) for p, c in state.receiving.items()],
            "SenderChain": chain_document(
                state.ratchet.public, state.sending, state.ratchet.private
            ),
        },
        "PreviousStates": [],
    }
    return json.dumps(document).encode()


def state_of(content, like):
    """The reverse of `record`."""
    stored = json.loads(content)["SessionState"]
    receiving, skipped = {}, {}
    for chain in stored["ReceiverChains"]:
        public = data(chain["SenderRatchetKeyPublic"])[1:]
        receiving[public] = Chain(data(chain["ChainKey"]["Key"]), chain["ChainKey"]["Index"])
        for keys in chain["MessageKeys"]:
            skipped[public, keys["Index"]] = MessageKeys(
                data(keys["CipherKey"]), data(keys["MacKey"]), data(keys["IV"])
            )
    return replace(like, receiving=receiving, skipped=skipped)


class Pair:
    """We and somebody else, with everything that our store ever held."""

    def __init__(self, *, we_begin, one_time=None):
        self.own = OwnKeys(KeyPair.generate(), 1, 1, KeyPair.generate())
        self.other = OwnKeys(KeyPair.generate(), 2, 1, KeyPair.generate())
        self.one_time = one_time
        starter, answerer = (self.own, self.other) if we_begin else (self.other, self.own)
        signature = xeddsa.sign(answerer.identity.private, DJB_TYPE + answerer.signed_prekey.public)
        bundle = KeyBundle(
            registration=b"\0\0\0\1",
            identity=answerer.identity.public,
            signed_prekey=PublicPrekey(1, answerer.signed_prekey.public, signature),
            one_time_prekey=one_time and PublicPrekey(5, one_time.public, b""),
        )
        begun, self.base = initiate(starter, bundle)
        answered = respond(answerer, starter.identity.public, self.base)
        if one_time:
            answered = self._with_one_time(answerer, starter, one_time)
        self.we, self.they = (begun, answered) if we_begin else (answered, begun)
        self.history = []  # contents of our row: None before it was there
        self.pending = {"PreKeyID": None} if we_begin else None
        self.row = None
        self.read = []  # (moment, message, plaintext)
        if we_begin:
            self.store()

    def _with_one_time(self, own, theirs, one_time):
        secret = b"\xff" * 32 + own.signed_prekey.agree(theirs.identity.public)
        secret += own.identity.agree(self.base) + own.signed_prekey.agree(self.base)
        out = derive(secret + one_time.agree(self.base), 64, info=b"WhisperText")
        return RatchetState(
            our_identity=own.identity.public,
            their_identity=theirs.identity.public,
            root=out[:32],
            ratchet=own.signed_prekey,
            sending=Chain(out[32:]),
        )

    def store(self):
        self.history.append((ROW, self.row))
        self.row = record(self.we, self.base, self.pending)

    def receive(self, number):
        message = self.they.encrypt(b"%d" % number)
        plaintext, self.we = self.we.decrypt(message)
        self.pending = None
        self.read.append((len(self.history), message, plaintext))
        self.store()

    def send(self, number):
        message = self.we.encrypt(b"%d" % number)
        _, self.they = self.they.decrypt(message)
        self.store()

    @property
    def keys(self):
        used = (bytes(32), self.one_time.private) if self.one_time else ()
        return DeviceKeys(self.own.identity.private, self.own.signed_prekey.private, used)

    def rewound(self, since):
        past = Past(self.history[since:])
        changed, stuck = rewind_sessions(past, {ROW: self.row}, self.keys)
        assert stuck == 0
        return changed.get(ROW, self.row)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    we_begin=st.booleans(),
    with_one_time=st.booleans(),
    turns=st.lists(st.sampled_from(["receive", "receive", "send"]), min_size=1, max_size=14),
    cut=st.integers(0, 13),
)
def test_what_was_read_since_any_moment_can_be_read_again_and_talk_goes_on(
    we_begin, with_one_time, turns, cut
):
    pair = Pair(we_begin=we_begin, one_time=KeyPair.generate() if with_one_time else None)
    if we_begin:
        pair.send(0)
    else:
        pair.receive(0)
    for number, turn in enumerate(turns):
        getattr(pair, turn)(number)
    cut = min(cut, len(pair.history))
    before = json.loads(pair.row)["SessionState"]
    content = pair.rewound(cut)
    after = json.loads(content)["SessionState"]
    assert (after["SenderChain"], after["RootKey"]) == (before["SenderChain"], before["RootKey"])

    pair.we = state_of(content, pair.we)
    for moment, message, plaintext in pair.read:
        if moment >= cut:
            again, pair.we = pair.we.decrypt(message)
            assert again == plaintext
    for number in range(3):
        pair.receive(100 + number)
        pair.send(200 + number)


def test_nothing_goes_back_when_nothing_happened():
    pair = Pair(we_begin=False)
    pair.receive(0)
    assert rewind_sessions(Past([]), {ROW: pair.row}, pair.keys) == ({}, 0)


def test_a_wrong_guess_changes_nothing_and_is_said():
    pair = Pair(we_begin=False, one_time=KeyPair.generate())
    pair.receive(0)
    without = replace(pair.keys, one_time=(bytes(32),))
    assert rewind_sessions(Past(pair.history), {ROW: pair.row}, without) == ({}, 1)


def test_messages_that_were_skipped_before_stay_readable():
    pair = Pair(we_begin=False)
    pair.receive(0)
    late = pair.they.encrypt(b"late")
    pair.receive(1)
    since = len(pair.history)
    plaintext, pair.we = pair.we.decrypt(late)
    pair.store()
    again, _ = state_of(pair.rewound(since), pair.we).decrypt(late)
    assert again == plaintext == b"late"


@pytest.mark.parametrize("content", [b"\x0a\x03abc", b"[]", b'{"SessionState": 5}', b"{}"])
def test_a_record_of_another_form_is_not_touched(content):
    pair = Pair(we_begin=False)
    pair.receive(0)
    with pytest.raises(NotUnderstood):
        rewind_sessions(Past(pair.history), {ROW: content}, pair.keys)


# Sender keys of groups ----------------------------------------------------------------------------


def sender_record(*states):
    return json.dumps(
        {
            "SenderKeyStates": [
                {
                    "KeyID": key_id,
                    "SenderChainKey": {"Iteration": iteration, "ChainKey": text(bytes(32))},
                    "Keys": [],
                    "SigningKeyPrivate": private or text(bytes(32)),
                    "SigningKeyPublic": text(bytes(33)),
                }
                for key_id, iteration, private in states
            ]
        }
    ).encode()


def iterations(content):
    return [
        (state["KeyID"], state["SenderChainKey"]["Iteration"])
        for state in json.loads(content)["SenderKeyStates"]
    ]


def test_a_member_s_key_goes_back_to_where_it_was_or_began():
    past = Past(
        [
            ("g\na", sender_record((1, 4, None))),
            ("g\na", sender_record((2, 0, None), (1, 5, None))),
            ("g\nb", None),
            ("g\nb", sender_record((7, 3, None))),
        ]
    )
    present = {
        "g\na": sender_record((2, 2, None), (1, 6, None)),
        "g\nb": sender_record((7, 9, None)),
        "g\nc": sender_record((8, 1, None)),
    }
    changed = rewind_sender_keys(past, present)
    assert {row: iterations(content) for row, content in changed.items()} == {
        "g\na": [(2, 0), (1, 4)],
        "g\nb": [(7, 3)],
    }


def test_our_own_key_of_a_group_never_goes_back():
    past = Past([("g\nwe", sender_record((1, 4, text(b"\1" * 32))))])
    present = {"g\nwe": sender_record((1, 5, text(b"\1" * 32)))}
    assert rewind_sender_keys(past, present) == {}
