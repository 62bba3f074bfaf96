"""What this program knows of Autotask: zones, routes, sign-ins, markers, and the processor over them."""

from autotask_queue.autotask.curl import Preview, as_curl, resolve
from autotask_queue.autotask.markers import marker_for
from autotask_queue.autotask.processor import AutotaskProcessor
from autotask_queue.autotask.sign_in import SignInReport, Step, check_sign_in
from autotask_queue.autotask.zones import BOOTSTRAP_URL, ZoneInfo, discover_zone

__all__ = [
    "BOOTSTRAP_URL",
    "AutotaskProcessor",
    "Preview",
    "SignInReport",
    "Step",
    "ZoneInfo",
    "as_curl",
    "check_sign_in",
    "discover_zone",
    "marker_for",
    "resolve",
]
