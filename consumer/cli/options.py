"""What several commands take, and the settings that they lead to."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from consumer.settings import Settings

DEFAULT_CONFIG = Path("config.yaml")

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        envvar="AWIN_CONFIG",
        metavar="FILE",
        help="YAML file with the settings; AWIN_… variables override it.",
        show_default="config.yaml, if there is one",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value, for programs.")]


def load(config: Path | None) -> Settings:
    """Read the settings from the file named, else from ``config.yaml`` if there is one, else from the environment.

    Raises:
        SettingsError: they cannot be used; every wrong one is named.
    """
    from consumer import settings  # pydantic takes longer to load than everything else here

    if config is None and DEFAULT_CONFIG.is_file():
        config = DEFAULT_CONFIG
    return settings.load(config)


def moment(text: str) -> datetime:
    """Read a date or time, UTC unless it says otherwise; for options that take one (``parser``)."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("a date or time is written like 2026-01-31 or 2026-01-31T12:00:00Z") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def milliseconds_of(at: datetime) -> int:
    """Return a moment as milliseconds UTC."""
    return round(at.timestamp() * 1000)
