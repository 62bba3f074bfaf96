"""Menus, made from actions."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QMenuBar

from autotask_console.actions import BoundAction
from autotask_console.text import tr

TITLES = {
    "File": "&File",
    "Edit": "&Edit",
    "View": "&View",
    "Queue": "&Queue",
    "Breakers": "&Breakers",
    "Help": "&Help",
}


class Menus:
    """The menu bar. `show_actions` fills it anew; a menu without actions is not shown."""

    def __init__(self, bar: QMenuBar) -> None:
        self._bar = bar
        self._menus: dict[str, QMenu] = {}
        self._submenus: dict[str, QMenu] = {}
        for name, title in TITLES.items():
            menu = bar.addMenu(tr(title))
            menu.setObjectName(f"menu.{name.lower()}")
            menu.setToolTipsVisible(True)
            self._menus[name] = menu

    def show_actions(self, actions: Sequence[BoundAction]) -> None:
        """Puts each action where it wants to be: the page's first, then the shell's, by group."""
        for menu in (*self._menus.values(), *self._submenus.values()):
            menu.clear()
        last: dict[str, str] = {}
        for bound in actions:
            place = bound.action.menu
            if not place:
                continue
            name, _, sub = place.partition("/")
            menu = self._menus[name]
            if sub:
                submenu = self._submenu(menu, place, sub)
                if submenu.isEmpty():
                    menu.addSeparator()
                    menu.addMenu(submenu)
                submenu.addAction(bound)
                continue
            if name in last and last[name] != bound.action.group:
                menu.addSeparator()
            last[name] = bound.action.group
            menu.addAction(bound)
        for menu in self._menus.values():
            menu.menuAction().setVisible(bool(menu.actions()))

    def _submenu(self, menu: QMenu, place: str, title: str) -> QMenu:
        # Made once: a cleared menu keeps its old submenus alive.
        if place not in self._submenus:
            self._submenus[place] = QMenu(tr(title), menu)
            self._submenus[place].setObjectName(f"menu.{place.lower().replace('/', '.')}")
        return self._submenus[place]

    def titles(self) -> list[str]:
        """Of the visible menus, for tests."""
        return [_plain(m.menuAction()) for m in self._menus.values() if m.menuAction().isVisible()]


def _plain(action: QAction) -> str:
    return action.text().replace("&", "")
