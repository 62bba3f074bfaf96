"""The references of library and settings are complete, and are what the code says today."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import autotask_queue
import reference_api
import reference_settings
from autotask_queue.model.checking import leaves
from autotask_queue.model.config import QueueConfig
from references import CORE, REFERENCES

# Where each setting takes effect. One that is declared and read nowhere would be a promise that nobody keeps.
HONOURED = {
    "max_size": "engine/room.py",
    "max_concurrency": "engine/dispatcher.py",
    "priority_enabled": "engine/ordering.py",
    "batching_enabled": "engine/batches.py",
    "max_batch_size": "engine/batches.py",
    "batch_timeout": "engine/batches.py",
    "deduplication_enabled": "engine/intake.py",
    "default_timeout": "engine/runner.py",
    "default_retries": "engine/intake.py",
    "read_retries": "engine/intake.py",
    "shutdown_grace": "manager.py",
    "actor": "engine/assembly.py",
    "persistence.backend": "manager.py",
    "persistence.connection.db_path": "manager.py",
    "persistence.connection.url": "manager.py",
    "persistence.connection.namespace": "manager.py",
    "persistence.connection.spool_path": "manager.py",
    "persistence.options.lease": "manager.py",
    "persistence.options.checkpoints": "engine/janitor.py",
    "persistence.options.checkpoint_interval": "engine/janitor.py",
    "persistence.options.compression": "manager.py",
    "persistence.options.retention_period": "engine/janitor.py",
    "strategies.priority_strategy": "engine/ordering.py",
    "strategies.circuit_breaker.enabled": "policy/breaker.py",
    "strategies.circuit_breaker.failure_threshold": "policy/breaker.py",
    "strategies.circuit_breaker.success_threshold": "policy/breaker.py",
    "strategies.circuit_breaker.timeout": "policy/breaker.py",
    "strategies.retry.base_delay": "policy/retry.py",
    "strategies.retry.max_delay": "policy/retry.py",
    "strategies.retry.multiplier": "policy/retry.py",
    "strategies.retry.jitter": "policy/retry.py",
    "zones.*.url": "autotask/zones.py",
    "zones.*.user": "autotask/credentials.py",
    "zones.*.secret": "autotask/credentials.py",
    "zones.*.integration_code": "autotask/credentials.py",
    "zones.*.impersonate": "autotask/processor.py",
    "zones.*.resource_id": "autotask/facts.py",
    "zones.*.max_concurrency": "engine/gates.py",
}


@pytest.mark.parametrize("name", REFERENCES)
def test_a_reference_is_current(name: str) -> None:
    written = (CORE / name).read_text(encoding="utf-8")
    assert written == REFERENCES[name](), f"core/{name} is old: run python3 packaging/dev.py references"


def test_everything_public_is_documented() -> None:
    assert list(reference_api.undocumented()) == []


def test_every_setting_is_documented() -> None:
    assert list(reference_settings.undocumented()) == []
    text = (CORE / "CONFIGURATION.md").read_text(encoding="utf-8")
    for path in leaves(QueueConfig):
        assert f"| `{path.rpartition('.')[2]}` |" in text


def test_every_public_name_has_its_place() -> None:
    text = (CORE / "API.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^### (\w+)$", text, re.MULTILINE)) == set(autotask_queue.__all__)


def test_a_missing_text_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = reference_api.Entry(
        name="thing", group="Functions", signature="", doc="Does `this`.", parameters=("this", "that")
    )
    monkeypatch.setattr(reference_api, "entries", lambda: [broken])
    assert list(reference_api.undocumented()) == ["thing(that)"]


def test_every_setting_takes_effect_somewhere() -> None:
    assert HONOURED.keys() == set(leaves(QueueConfig)), "say where a new setting takes effect"
    package = Path(autotask_queue.__file__).parent
    for path, module in HONOURED.items():
        name = path.rpartition(".")[2]
        source = (package / module).read_text(encoding="utf-8")
        read = re.search(rf'\.{name}\b|getattr\(\w+, part\)|"{name}"', source)
        assert read, f"{path} is not read in {module}"


def test_the_user_sample_uses_every_method_once() -> None:
    """What an editor says of a user's code is then known for all of it (test_tools runs the checker)."""
    sample = (Path(__file__).parent / "user_sample.py").read_text(encoding="utf-8")
    engine_side = {"Mailbox": {"put", "end"}}  # public because both ends of a mailbox are one class
    for cls in ("QueueManager", "QuickSetup", "BreakerControl", "Documents", "Mailbox"):
        entry = next(one for one in reference_api.entries() if one.name == cls)
        named = {member.name for member in entry.members} - engine_side.get(cls, set())
        assert {name for name in named if f".{name}" not in sample} == set(), cls


NOT_FOR_USERS = {
    "ControlledQueue": "what ControlServer asks of a queue; QueueManager is one",
    "Owner": "who has the file open, as ControlServer itself says it",
    "Store": "who writes a backend reads ports.py, and runs the conformance suite",
    "Callback": "any function of one event",
    "Level": "public as LogLevel",
    "Picklists": "a mapping, as its docstring says",
    "Draft": "what a check of the catalogue gets",
}


def test_public_signatures_name_public_types() -> None:
    """Whoever gets or gives a value can name its type."""
    types = {
        name
        for key, module in list(sys.modules.items())
        if key.startswith("autotask_queue")
        for name, thing in getattr(module, "__dict__", {}).items()
        if str(getattr(thing, "__module__", "")).startswith("autotask_queue") and name[0].isupper()
    }
    found = {
        word
        for entry in reference_api.entries()
        for signature in (entry.signature, *(member.signature for member in entry.members))
        for word in re.findall(r"\b[A-Z]\w+", re.sub(r"'[^']*'", "", signature))
        if word in types and not word.isupper()
    }
    assert found - set(autotask_queue.__all__) <= NOT_FOR_USERS.keys()
