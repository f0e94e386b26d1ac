"""The process that sends traces and metrics, as OpenTelemetry describes it, and the error if packages are missing."""

from __future__ import annotations

import os
import uuid
from typing import Any

from service.runtime.version import own_version

SCHEMA_URL = "https://opentelemetry.io/schemas/1.37.0"
"""The version of OpenTelemetry's conventions that names and attributes here follow."""
SERVICE = "purchasing"


class OtlpError(Exception):
    """Traces or metrics are to be sent and can't be. The text says what to do."""


def packages_missing(setting: str) -> OtlpError:
    """Return the error for a setting whose packages are not installed."""
    return OtlpError(f"{setting}=otlp needs the extra `otlp`: install purchasing-service[otlp].")


def resource() -> Any:
    """Return this process as OpenTelemetry's `Resource`.

    `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` override these attributes.
    """
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource

    ours: dict[str, Any] = {
        "service.name": SERVICE,
        "service.version": own_version(),
        "service.instance.id": str(uuid.uuid4()),
        "process.pid": os.getpid(),
    }
    return Resource.create(ours, SCHEMA_URL).merge(OTELResourceDetector().detect())
