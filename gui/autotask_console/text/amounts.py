"""Numbers, ages, durations and times, by the person's locale. Times are seconds since the epoch."""

from __future__ import annotations

from datetime import datetime, timedelta

from PySide6.QtCore import QDate, QLocale, QTime

from autotask_console.text.translate import tr

_THIN = "\N{NARROW NO-BREAK SPACE}"


def number(value: float, *, decimals: int = 0) -> str:
    """With thin spaces between thousands, as in the design: never mistaken for a decimal mark."""
    locale = QLocale()
    locale.setNumberOptions(QLocale.NumberOption.OmitGroupSeparator)
    text = locale.toString(float(value), "f", decimals)
    whole, point, rest = text.partition(locale.decimalPoint()) if decimals else (text, "", "")
    digits = whole.lstrip("-−")
    sign = whole[: len(whole) - len(digits)]
    first = len(digits) % 3 or 3
    groups = [digits[:first], *(digits[i : i + 3] for i in range(first, len(digits), 3))]
    return f"{sign}{_THIN.join(groups)}{point}{rest}"


def percent(share: float, *, decimals: int = 0) -> str:
    """`share` is 0 to 1."""
    return f"{number(share * 100, decimals=decimals)}{_THIN}%"


def duration(seconds: float) -> str:
    """How long: "8 s", "3 min", "2 h 14 min", "3 d 4 h". Never negative."""
    whole = max(0, round(seconds))
    if whole < 60:
        return tr("{n} s", n=whole)
    minutes, hours, days = whole // 60, whole // 3600, whole // 86_400
    if hours == 0:
        return tr("{n} min", n=minutes)
    if days == 0:
        rest = minutes % 60
        return tr("{h} h {m} min", h=hours, m=rest) if rest else tr("{h} h", h=hours)
    rest = hours % 24
    return tr("{d} d {h} h", d=days, h=rest) if rest else tr("{d} d", d=days)


def seconds_short(seconds: float) -> str:
    """A measured time: "0.4 s", "12 s", "3 min"."""
    if seconds < 10:
        return tr("{n} s", n=number(max(0.0, seconds), decimals=1))
    return duration(seconds)


def latency(seconds: float) -> str:
    """A response time, also a short one: "8 ms", "0.4 s", "12 s"."""
    if seconds < 0.095:
        return tr("{n} ms", n=number(max(0.0, seconds) * 1000))
    return seconds_short(seconds)


def age(at: float, *, now: float) -> str:
    """How long ago, in one unit: "now", "12 s", "3 min", "2 h", "5 d"."""
    seconds = max(0.0, now - at)
    if seconds < 1:
        return tr("now")
    if seconds < 60:
        return tr("{n} s", n=int(seconds))
    if seconds < 3600:
        return tr("{n} min", n=int(seconds // 60))
    if seconds < 86_400:
        return tr("{n} h", n=int(seconds // 3600))
    return tr("{n} d", n=int(seconds // 86_400))


def countdown(until: float, *, now: float) -> str:
    """Time left, to the second below two minutes: "24 s", "1 min 40 s", "22 min"."""
    left = max(0, round(until - now))
    if 60 <= left < 120:
        return tr("{m} min {s} s", m=left // 60, s=left % 60)
    return duration(left)


def clock_time(at: float, *, now: float | None = None, seconds: bool = False) -> str:
    """The local time of day, "14:02"; with `now` given, another day is named: "tomorrow 14:02"."""
    moment = datetime.fromtimestamp(at).astimezone()
    time = QTime(moment.hour, moment.minute, moment.second)
    text = time.toString("HH:mm:ss") if seconds else QLocale().toString(time, QLocale.FormatType.ShortFormat)
    if now is None:
        return text
    today = datetime.fromtimestamp(now).astimezone().date()
    if moment.date() == today:
        return text
    if moment.date() == today + timedelta(days=1):
        return tr("tomorrow {time}", time=text)
    if moment.date() == today - timedelta(days=1):
        return tr("yesterday {time}", time=text)
    return f"{_short_date(moment)} {text}"


def date_time(at: float) -> str:
    """Unambiguous local date and time with seconds, for tooltips and details."""
    moment = datetime.fromtimestamp(at).astimezone()
    offset = moment.strftime("%z")
    return f"{moment:%Y-%m-%d %H:%M:%S} (UTC{offset[:3]}:{offset[3:]})"


def data_size(count: int) -> str:
    """Bytes in people's units: "85 MB"."""
    decimals = 0 if count >= 1_000_000 else 1
    return QLocale().formattedDataSize(max(0, count), decimals, QLocale.DataSizeFormat.DataSizeSIFormat)


def _short_date(moment: datetime) -> str:
    return QLocale().toString(QDate(moment.year, moment.month, moment.day), "d MMM")
