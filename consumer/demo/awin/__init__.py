"""A stand-in for Awin's tracking server: strict about every request, and able to fail in every way a server can."""

from consumer.demo.awin.behaviour import (
    OK,
    Answer,
    Behaviour,
    CloseAfterReading,
    CloseBeforeReading,
    Garbage,
    HalfBody,
    Hang,
    Redirect,
)
from consumer.demo.awin.record import AwinCall, AwinRequest
from consumer.demo.awin.rules import MINOR_DIGITS, Known
from consumer.demo.awin.stand_in import StandInAwin, log_normal

__all__ = [
    "MINOR_DIGITS",
    "OK",
    "Answer",
    "AwinCall",
    "AwinRequest",
    "Behaviour",
    "CloseAfterReading",
    "CloseBeforeReading",
    "Garbage",
    "HalfBody",
    "Hang",
    "Known",
    "Redirect",
    "StandInAwin",
    "log_normal",
]
