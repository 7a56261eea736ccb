import json
from pathlib import Path
from uuid import UUID

import pytest

from sessions_mgr.worker.config import ConfigInvalid, WorkerConfig

CONFIG = WorkerConfig(
    account_id=UUID(int=1),
    workspace_id=UUID(int=2),
    epoch=3,
    node="n1",
    session_dir=Path("/sessions/x"),
    nats_url="nats://127.0.0.1:4222",
    nats_token="secret",
)


def test_a_configuration_survives_the_journey():
    assert WorkerConfig.from_json(CONFIG.to_json()) == CONFIG


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"account_id": "../../etc"}, id="no uuid"),
        pytest.param({"mode": "dance"}, id="unknown mode"),
        pytest.param({"engine": "other"}, id="unknown engine"),
        pytest.param({"colour": "red"}, id="unknown setting"),
    ],
)
def test_a_wrong_configuration_is_refused(change):
    with pytest.raises(ConfigInvalid):
        WorkerConfig.from_json(json.dumps(json.loads(CONFIG.to_json()) | change))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null"])
def test_what_is_no_configuration_at_all_is_refused(text):
    with pytest.raises(ConfigInvalid):
        WorkerConfig.from_json(text)


def test_the_token_is_not_in_the_repr():
    assert "secret" not in repr(CONFIG)
