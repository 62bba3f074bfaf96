"""The text of the filter box and what it means; pure, so that it can be tested as values."""

from autotask_console.pages.queue.filter_text.parser import Parsed, Problem, parse
from autotask_console.pages.queue.filter_text.qualifiers import QUALIFIERS, Known, Qualifier
from autotask_console.pages.queue.filter_text.tokens import Token, set_value, toggle_value, tokens, values_of
from autotask_console.pages.queue.filter_text.writer import text_of

__all__ = [
    "QUALIFIERS",
    "Known",
    "Parsed",
    "Problem",
    "Qualifier",
    "Token",
    "parse",
    "set_value",
    "text_of",
    "toggle_value",
    "tokens",
    "values_of",
]
