"""The settings. The dialog, the documentation and the validation come from here.

Presentation persists, narrowing does not: filters are not settings (console.md 0.7).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, kw_only=True)
class Setting(Generic[T_co]):
    """One setting under `[console]` in config.toml.

    Args:
        key: dotted place below `console`, such as "appearance.theme".
        kind: its type; values of another type are refused, with the key's name.
        default: what holds until a person chooses.
        title: a few words for the dialog.
        help: one sentence for the dialog and the documentation.
        choices: all allowed values, if they can be listed.
        remembered: True for what the window remembers by itself (sizes, columns); not in the dialog.
    """

    key: str
    kind: Any
    default: T_co
    title: str
    help: str
    choices: tuple[T_co, ...] = ()
    remembered: bool = False


THEME: Setting[str] = Setting(
    key="appearance.theme",
    kind=str,
    default="system",
    title="Theme",
    help="Follow the system's colours, or always light, or always dark.",
    choices=("system", "light", "dark"),
)
DENSITY: Setting[str] = Setting(
    key="appearance.density",
    kind=str,
    default="comfortable",
    title="Row height",
    help="Comfortable rows are 27 pixels high, dense ones 22.",
    choices=("comfortable", "dense"),
)
COMPACT_STRIP: Setting[bool] = Setting(
    key="appearance.compact_strip",
    kind=bool,
    default=False,
    title="Compact strip",
    help="Show the numbers above the page on one line.",
)
REDUCE_MOTION: Setting[bool] = Setting(
    key="appearance.reduce_motion",
    kind=bool,
    default=False,
    title="Reduce motion",
    help="Nothing moves on the screen by itself.",
)
TIMES: Setting[str] = Setting(
    key="appearance.times",
    kind=str,
    default="relative",
    title="Times",
    help="In tables: how long ago, or the time on this laptop's clock.",
    choices=("relative", "local"),
)
ENCRYPTION: Setting[str] = Setting(
    key="storage.encryption",
    kind=str,
    default="on",
    title="Encryption",
    help="Whether a new or plain queue file is encrypted. One that is encrypted stays so.",
    choices=("on", "off"),
)
KEY_NAME: Setting[str] = Setting(
    key="storage.key_name",
    kind=str,
    default="",
    title="Name of the key",
    help="Under which the keychain holds the key of the queue file; it opens nothing by itself.",
    remembered=True,
)
LAST_PAGE: Setting[str] = Setting(
    key="window.last_page",
    kind=str,
    default="queue",
    title="Last page",
    help="The page that was open last; it opens first next time.",
    remembered=True,
)
GEOMETRY: Setting[str] = Setting(
    key="window.geometry",
    kind=str,
    default="",
    title="Window position",
    help="Where the window was, in Qt's own form.",
    remembered=True,
)
SPLITTERS: Setting[dict[str, list[int]]] = Setting(
    key="window.splitters",
    kind=dict[str, list[int]],
    default={},
    title="Pane sizes",
    help="Sizes of panes by name, in pixels.",
    remembered=True,
)
COLUMNS: Setting[dict[str, list[str]]] = Setting(
    key="window.columns",
    kind=dict[str, list[str]],
    default={},
    title="Columns",
    help="Shown columns of tables by name, in order.",
    remembered=True,
)
COLUMN_WIDTHS: Setting[dict[str, dict[str, int]]] = Setting(
    key="window.column_widths",
    kind=dict[str, dict[str, int]],
    default={},
    title="Column widths",
    help="Widths of columns by table and column, in pixels.",
    remembered=True,
)
DETAILS: Setting[str] = Setting(
    key="window.details",
    kind=str,
    default="shown",
    title="Details pane",
    help="Whether the details of a request stand beside the list.",
    choices=("shown", "hidden"),
    remembered=True,
)
FACETS: Setting[str] = Setting(
    key="window.facets",
    kind=str,
    default="auto",
    title="Views and facets",
    help="Beside the list: where there is room, always, or never.",
    choices=("auto", "shown", "hidden"),
    remembered=True,
)
SORTS: Setting[dict[str, list[str]]] = Setting(
    key="window.sorts",
    kind=dict[str, list[str]],
    default={},
    title="Sort order",
    help="Sorted column and direction (asc or desc) of tables by name.",
    remembered=True,
)
COMPOSE_LAST: Setting[dict[str, dict[str, Any]]] = Setting(
    key="compose.last",
    kind=dict[str, dict[str, Any]],
    default={},
    title="Last values",
    help="What was chosen last in lists such as the queue or the work type, by kind of request.",
    remembered=True,
)

ALL: tuple[Setting[Any], ...] = (
    THEME,
    DENSITY,
    COMPACT_STRIP,
    REDUCE_MOTION,
    TIMES,
    ENCRYPTION,
    KEY_NAME,
    LAST_PAGE,
    GEOMETRY,
    SPLITTERS,
    COLUMNS,
    COLUMN_WIDTHS,
    DETAILS,
    FACETS,
    SORTS,
    COMPOSE_LAST,
)
