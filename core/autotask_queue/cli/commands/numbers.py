"""`metrics` and `health`: the queue in numbers and in a few words."""

from __future__ import annotations

import argparse
import time

from autotask_queue.cli.access import Asking
from autotask_queue.cli.arguments import Subparsers, help_with
from autotask_queue.cli.context import Context, asks
from autotask_queue.cli.errors import Exit
from autotask_queue.cli.output import Column
from autotask_queue.cli.times import say_duration
from autotask_queue.cli.words import plural
from autotask_queue.engine.control.questions import AskHealth, Metrics
from autotask_queue.model.metrics import HealthLevel, QueueMetrics

_METRICS = """
  autotask-queue metrics
  autotask-queue --json metrics
"""
_HEALTH = """
  autotask-queue health
  autotask-queue --json health
"""
_LEVELS = {
    HealthLevel.HEALTHY.value: "green",
    HealthLevel.DEGRADED.value: "yellow",
    HealthLevel.OFFLINE.value: "yellow",
    HealthLevel.CRITICAL.value: "red",
}


def configure(commands: Subparsers) -> None:
    """Adds `metrics` and `health`."""
    parser = commands.add_parser("metrics", **help_with("Prints the queue's numbers.", _METRICS))
    parser.set_defaults(command=asks(_metrics))
    parser = commands.add_parser(
        "health", **help_with("Tells how the queue is, part by part. It asks no server.", _HEALTH)
    )
    parser.set_defaults(command=asks(_health))


async def _metrics(queue: Asking, _: argparse.Namespace, context: Context) -> int:
    metrics = await queue.ask(Metrics())
    if context.out.as_json:
        context.out.answer(metrics)
        return Exit.DONE
    by_status = ", ".join(f"{count:,} {status}" for status, count in metrics.by_status.items() if count)
    by_zone = ", ".join(f"{zone} {count:,}" for zone, count in sorted(metrics.by_zone.items()))
    by_priority = ", ".join(f"{p}: {n:,}" for p, n in sorted(metrics.by_priority.items(), reverse=True) if n)
    context.out.facts(
        [
            ("requests", by_status or "none"),
            ("by zone", by_zone),
            ("waiting by priority", by_priority),
            ("oldest waits", say_duration(metrics.oldest_age) if metrics.oldest_age else ""),
            ("utilisation", f"{metrics.queue_utilization:.1%}"),
            *(_pace(metrics) if queue.sends else ()),
        ]
    )
    if not queue.sends:
        context.out.note("This process sends nothing, so there is no throughput to tell.")
    return Exit.DONE


def _pace(metrics: QueueMetrics) -> list[tuple[str, str]]:
    """What only a program that has been sending for a while knows."""
    return [
        ("throughput", f"{metrics.throughput * 60:.1f} a minute"),
        ("failed attempts", f"{metrics.error_rate:.1%} of the last five minutes"),
        ("answers take", _percentiles(metrics.p50, metrics.p95, metrics.p99)),
        ("waiting takes", say_duration(metrics.average_queue_time) if metrics.average_queue_time else ""),
        ("this hour", plural(metrics.api_calls_last_hour, "call")),
    ]


def _percentiles(p50: float, p95: float, p99: float) -> str:
    if not p99:
        return ""
    return f"{say_duration(p50)} (half), {say_duration(p95)} (95 %), {say_duration(p99)} (99 %)"


async def _health(queue: Asking, _: argparse.Namespace, context: Context) -> int:
    health = await queue.ask(AskHealth())
    if context.out.as_json:
        context.out.answer(health)
        return Exit.DONE
    context.out.line(f"{health.status.value}: {health.message}")
    now = time.time()
    context.out.table(
        [Column("part"), Column("is", styles=_LEVELS), Column("for", "right"), Column("why", wraps=True)],
        [
            (
                part.name,
                part.level.value,
                say_duration(now - part.since) if part.since is not None else "",
                " ".join(p for p in (part.reason, part.action) if p),
            )
            for part in health.components
        ],
    )
    return Exit.DONE
