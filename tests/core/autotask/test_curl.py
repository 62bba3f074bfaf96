"""What will be sent, shown to a person."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import pytest
from tests.core.autotask.making import TICKET, make, zone_for

from autotask_queue.autotask import Preview, as_curl, resolve
from autotask_queue.model.config import ZoneConfig
from autotask_queue.model.errors import InvalidRequest
from autotask_queue.transport import KNOWN_SECRETS

ZONE = zone_for("https://webservices3.autotask.net/atservicesrest/", "api@msp.example")


def test_a_preview() -> None:
    assert resolve("/tickets", "post", TICKET, zone=ZONE) == Preview(
        method="POST", url="https://webservices3.autotask.net/atservicesrest/V1.0/Tickets", body=TICKET
    )
    assert resolve("/Companies", zone=ZONE) == Preview(
        method="POST",
        url="https://webservices3.autotask.net/atservicesrest/V1.0/Companies/query",
        body={"filter": [{"op": "exist", "field": "id"}]},
    )
    assert resolve("/Tickets/query/next?paging=a%2Fb", "POST", {"filter": []}).url.endswith(
        "/Tickets/query/next?paging=a%2Fb"
    )


def test_a_zone_that_is_not_found_yet_has_a_stand_in() -> None:
    assert resolve("/Tickets/5").url == "https://webservicesN.autotask.net/atservicesrest/V1.0/Tickets/5"
    assert resolve("/Tickets/5", zone=ZoneConfig()).url.startswith("https://webservicesN.")


def test_a_route_that_does_not_exist_is_told_before() -> None:
    with pytest.raises(InvalidRequest):
        resolve("/TicketNotes", "POST", {"title": "x"})


def test_a_command_that_a_shell_understands() -> None:
    request = make(
        "/Tickets", "POST", TICKET | {"title": 'It\'s $HOME `x` "down"\nnow'}, headers={"X-One": "a b"}
    )
    command = as_curl(request, zone_for("https://webservices3.autotask.net/", "u@x", impersonate=7))
    words = shlex.split(command.replace("\\\n", ""))
    assert words[:4] == [
        "curl",
        "--request",
        "POST",
        "https://webservices3.autotask.net/atservicesrest/V1.0/Tickets",
    ]
    headers = [words[i + 1] for i, word in enumerate(words) if word == "--header"]
    assert headers == [
        "ApiIntegrationCode: ***",
        "UserName: ***",
        "Secret: ***",
        "X-One: a b",
        "ImpersonationResourceId: 7",
        "Content-Type: application/json",
    ]
    assert json.loads(words[-1])["title"] == 'It\'s $HOME `x` "down"\nnow'
    assert command.count("\n") > 6, "one option a line"


def test_a_real_shell_sees_the_same_words(tmp_path: Path) -> None:
    command = as_curl(make("/Tickets", "POST", TICKET | {"title": "a'b\\c $x !y"}), ZONE)
    script = tmp_path / "script.sh"
    script.write_text("curl() { printf '%s\\0' curl \"$@\"; }\n" + command + "\n", encoding="utf-8")
    seen = subprocess.run(["/bin/sh", str(script)], capture_output=True, check=True).stdout.decode()
    assert seen.split("\0")[:-1] == shlex.split(command.replace("\\\n", ""))


def test_nothing_secret_is_copied() -> None:
    KNOWN_SECRETS.add("planted-secret-9")
    request = make(
        "/Tickets",
        "POST",
        TICKET | {"description": "planted-secret-9"},
        headers={"Authorization": "Bearer x9x9"},
    )
    command = as_curl(request, ZONE)
    assert "planted-secret-9" not in command
    assert "x9x9" not in command
    assert "api@msp.example" not in command


def test_a_read_has_no_body() -> None:
    command = as_curl(make("/Tickets/5"), ZONE)
    assert "--data-raw" not in command
    assert "Content-Type" not in command
