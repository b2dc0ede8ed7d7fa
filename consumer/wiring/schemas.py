"""The schemas that values may have been written with: from files, and from a registry."""

from __future__ import annotations

from consumer.settings import Settings
from consumer.stream.registry import Access, HttpRegistry
from consumer.stream.schemas import Schemas


def open_schemas(settings: Settings) -> Schemas:
    """Read the schema files; the registry is asked when a value needs it.

    Raises:
        SettingsError: a file cannot be used.
    """
    registry = settings.schemas.registry
    schemas = Schemas.load(settings.schemas.directory)
    if not registry.urls:
        return schemas
    return schemas.asking(
        HttpRegistry(
            Access(
                registry.urls,
                registry.timeout.total_seconds(),
                registry.username,
                registry.password_file,
                registry.ca_file,
                registry.certificate_file,
                registry.key_file,
            )
        )
    )
