"""Who takes part in the tests of profile pictures, and what they look at."""

from __future__ import annotations

import base64

import pytest
from django.utils import timezone

from messaging import tallies
from messaging.models import Avatar
from tests.life import connected_account

JPEG = b"\xff\xd8\xff\xe0" + b"picture" * 10
OTHER = b"\xff\xd8\xff\xe0" + b"another" * 10
ANN = "15550009@s.whatsapp.net"
GROUP = "120363041234567890@g.us"


def picture(data=JPEG, picture_id="p1"):
    return {
        "picture_id": picture_id,
        "mime_type": "image/jpeg",
        "data": base64.b64encode(data).decode(),
    }


@pytest.fixture(name="account")
def avatar_account(workspace):
    return connected_account(workspace=workspace)


@pytest.fixture(name="get")
def avatar_get(api, account):
    def get(jid=ANN, accept="application/json", **headers):
        query = headers.pop("query", "")
        address = f"/api/v1/accounts/{account.pk}/contacts/{jid}/avatar{query}"
        return api.get(address, headers={"Accept": accept, **headers})

    return get


def fetches():
    return tallies.read(tallies.AVATAR_FETCHES)


def later(**fields):
    """What the rows would say had they been written earlier."""
    Avatar.objects.update(**{name: timezone.now() - ago for name, ago in fields.items()})
