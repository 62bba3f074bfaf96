"""Whether a folder is fit for a queue file, and making it."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path, PurePath, PureWindowsPath
from typing import Final

from autotask_queue.model.errors import StoreUnsuitable, StoreUnwritable

UNFINISHED: Final = ".new"
"""What a file is called beside the queue file until it takes its place."""
COPYING: Final = ".copying"
"""What a copy is called until it is whole."""

NETWORK_TYPES: Final = frozenset(
    {
        "afpfs",
        "afs",
        "ceph",
        "cifs",
        "davfs",
        "fuse.davfs2",
        "fuse.glusterfs",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.sshfs",
        "glusterfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "smb3",
        "smbfs",
        "webdav",
    }
)
SYNCED_FOLDERS: Final = {
    "onedrive": "OneDrive",
    "dropbox": "Dropbox",
    "google drive": "Google Drive",
    "googledrive": "Google Drive",
    "my drive": "Google Drive",
    "icloud drive": "iCloud",
    "iclouddrive": "iCloud",
    "mobile documents": "iCloud",
    "cloudstorage": "a cloud drive",
    "nextcloud": "Nextcloud",
    "box sync": "Box",
}


def prepare(database: Path) -> None:
    """Makes the folder (0700) and an empty file (0600) if they are missing.

    Raises:
        StoreUnsuitable: the folder is on a network share or is synchronised.
        StoreUnwritable: it cannot be made or written to.
    """
    prepare_folder(database)
    try:
        os.close(os.open(database, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreUnwritable(f"{database} cannot be written ({error.strerror or error}).") from error


def prepare_folder(database: Path) -> None:
    """Makes the folder of a queue file (0700) if it is missing.

    Raises:
        StoreUnsuitable, StoreUnwritable: as in `prepare`.
    """
    folder = database.parent
    check_synced(database)
    try:
        for missing in reversed([f for f in (folder, *folder.parents) if not f.exists()]):
            missing.mkdir(mode=0o700, exist_ok=True)
        check_network(folder.resolve())
        if database.is_dir():
            raise StoreUnwritable(f"{database} is a folder.", remedy="Name a file in a folder of yours.")
    except OSError as error:
        raise StoreUnwritable(f"{database} cannot be written ({error.strerror or error}).") from error


def size(path: Path) -> int:
    """The bytes of a file; 0 without one."""
    return path.stat().st_size if path.exists() else 0


def log_size(database: Path) -> int:
    """The bytes of the write-ahead log beside a queue file."""
    return size(database.with_name(f"{database.name}-wal"))


def copying(target: Path) -> Path:
    """What a copy is called until it is whole."""
    return target.with_name(target.name + COPYING)


def remove(made: Path) -> None:
    """Removes what was being made, with what SQLite may have left beside it.

    Raises:
        StoreUnwritable: it cannot be removed.
    """
    try:
        for ending in ("", "-wal", "-shm", "-journal"):
            made.with_name(made.name + ending).unlink(missing_ok=True)
    except OSError as error:
        raise StoreUnwritable(f"{made} cannot be removed ({error.strerror or error}).") from error


def unfinished(database: Path) -> Path:
    """The file that is made beside a queue file to take its place."""
    return database.with_name(database.name + UNFINISHED)


def sweep(database: Path) -> None:
    """Removes what was being made beside a queue file by a program that was killed; it may be plain.

    Raises:
        StoreUnwritable: it cannot be removed.
    """
    remove(unfinished(database))


def check_synced(database: PurePath) -> None:
    """Refuses folders that another program copies away under the queue's feet.

    Raises:
        StoreUnsuitable: the path goes through one.
    """
    for part in database.parts[:-1]:
        # Such folders carry additions: OneDrive has " - Contoso" behind it, Dropbox " (Personal)".
        name = part.casefold().split(" - ")[0].split(" (")[0].strip()
        if name in SYNCED_FOLDERS:
            raise StoreUnsuitable(
                f"{database} lies in a folder that {SYNCED_FOLDERS[name]} synchronises; "
                "it could replace the queue file by an older copy."
            )


def check_network(folder: Path) -> None:
    """Refuses network shares: neither locks nor the write-ahead log can be trusted there.

    Raises:
        StoreUnsuitable: the folder is on one.
    """
    kind = ""
    if sys.platform == "win32":
        kind = _windows_share(folder)
    elif sys.platform == "darwin":
        listing = subprocess.run(["/sbin/mount"], capture_output=True, text=True, check=False).stdout
        kind = mount_type(folder, parse_mount(listing))
    else:
        with contextlib.suppress(OSError):
            kind = mount_type(folder, parse_mountinfo(Path("/proc/self/mountinfo").read_text()))
    if kind in NETWORK_TYPES or kind == "network":
        raise StoreUnsuitable(f"{folder} is on a network share ({kind}).")


def parse_mountinfo(text: str) -> dict[str, str]:
    """Mount points and their types, from Linux' /proc/self/mountinfo."""
    mounts: dict[str, str] = {}
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split()
        if len(fields) > 4 and right:
            point = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), fields[4])
            mounts[point] = right.split()[0]
    return mounts


def parse_mount(text: str) -> dict[str, str]:
    """Mount points and their types, from what macOS' `mount` prints."""
    mounts: dict[str, str] = {}
    for line in text.splitlines():
        where, _, options = line.rpartition(" (")
        _, _, point = where.partition(" on ")
        if point:
            mounts[point] = options.split(",")[0].rstrip(")")
    return mounts


def mount_type(folder: PurePath, mounts: dict[str, str]) -> str:
    """The type of the file system that holds `folder`; empty if nobody knows."""
    for candidate in (folder, *folder.parents):
        if str(candidate) in mounts:
            return mounts[str(candidate)]
    return ""


def _windows_share(folder: PurePath) -> str:
    drive = PureWindowsPath(folder).drive
    if drive.startswith("\\\\"):
        return "network"
    if sys.platform == "win32":
        import ctypes

        remote = 4
        if ctypes.windll.kernel32.GetDriveTypeW(drive + "\\") == remote:
            return "network"
    return ""
