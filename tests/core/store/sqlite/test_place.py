"""Which folders are fit for a queue file."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from tests.core.store.making import NOW

from autotask_queue.model.errors import StoreUnsuitable
from autotask_queue.store import SqliteStore
from autotask_queue.store.sqlite import place

MOUNTINFO = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
33 22 0:28 / /mnt/share rw,relatime - nfs4 server:/export rw,vers=4.2
34 22 0:29 / /mnt/my\\040files rw,relatime shared:3 - fuse.sshfs user@host: rw
35 22 0:30 / /mnt/share/local rw - ext4 /dev/vdb rw
"""
MAC_MOUNTS = """\
/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
//anna@server/files on /Volumes/files (smbfs, nodev, nosuid, mounted by anna)
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/anna", "ext4"),
        ("/mnt/share/deep/er", "nfs4"),
        ("/mnt/sharepoint", "ext4"),
        ("/mnt/my files/x", "fuse.sshfs"),
        ("/mnt/share/local/x", "ext4"),
    ],
)
def test_the_mount_that_holds_a_folder(folder: str, kind: str) -> None:
    assert place.mount_type(PurePosixPath(folder), place.parse_mountinfo(MOUNTINFO)) == kind


def test_mounts_of_a_mac() -> None:
    mounts = place.parse_mount(MAC_MOUNTS)
    assert place.mount_type(PurePosixPath("/Volumes/files/x"), mounts) == "smbfs"
    assert place.mount_type(PurePosixPath("/Users/anna"), mounts) == "apfs"


def test_this_machine_has_a_mount_for_its_own_folders(tmp_path: Path) -> None:
    mounts = place.parse_mountinfo(Path("/proc/self/mountinfo").read_text())
    assert place.mount_type(tmp_path, mounts)
    place.check_network(tmp_path)


@pytest.mark.parametrize("kind", ["nfs", "cifs", "smb3", "fuse.sshfs"])
def test_network_shares_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str) -> None:
    monkeypatch.setattr(place, "parse_mountinfo", lambda _: {"/": kind})
    with pytest.raises(StoreUnsuitable, match=kind) as caught:
        place.check_network(tmp_path)
    assert "local disk" in caught.value.remedy


def test_a_windows_share_is_told_by_its_name() -> None:
    assert place._windows_share(PureWindowsPath(r"\\server\share\folder")) == "network"


@pytest.mark.parametrize(
    "path",
    [
        PureWindowsPath(r"C:\Users\anna\OneDrive\queue.db"),
        PureWindowsPath(r"C:\Users\anna\OneDrive - Contoso GmbH\Work\queue.db"),
        PurePosixPath("/home/anna/Dropbox (Personal)/queue.db"),
        PurePosixPath("/Users/anna/Library/Mobile Documents/com~apple~CloudDocs/queue.db"),
        PurePosixPath("/Users/anna/Library/CloudStorage/GoogleDrive-anna@x/queue.db"),
        PurePosixPath("/Users/anna/Google Drive/queue.db"),
        PurePosixPath("/home/anna/Nextcloud/queue.db"),
    ],
)
def test_synchronised_folders_are_refused(path: PurePosixPath) -> None:
    with pytest.raises(StoreUnsuitable, match="synchronises") as caught:
        place.check_synced(path)
    assert caught.value.remedy


def test_others_are_not_refused() -> None:
    place.check_synced(PurePosixPath("/home/anna/dropbox-notes/onedrive.db"))
    place.check_synced(PurePosixPath("/home/anna/.local/share/autotask/queue.db"))


async def test_nothing_is_made_in_a_synchronised_folder(tmp_path: Path) -> None:
    folder = tmp_path / "OneDrive - Contoso"
    with pytest.raises(StoreUnsuitable):
        await SqliteStore(folder / "queue.db").open(now=NOW)
    assert not folder.exists()
