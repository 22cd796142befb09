"""The contents of status.json and meta.json, and the derivation of a run's actual state. No torch."""

from __future__ import annotations

import time
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from vitcore.runs import process

State = Literal["queued", "running", "stopping", "finished", "stopped", "failed", "lost"]
ACTIVE: tuple[State, ...] = ("queued", "running", "stopping")
SILENCE_S = 60.0  # a run on another host is lost after this long without a heartbeat


class Status(BaseModel):
    """status.json. Times are seconds since 1970. `result` holds fractions from 0 to 1, and counts."""

    model_config = ConfigDict(extra="ignore")

    state: State
    reason: str = ""
    created: float = 0.0
    queued: float | None = Field(default=None, description="the time it was queued, which orders the queue")
    wanted: str | None = Field(default=None, description="the key of the specific device it waits for")
    slots: list[str] = Field(default_factory=list, description="the keys of its assigned devices")
    oom_kills: int | None = Field(default=None, description="of its control group when it started")
    started: float | None = None
    ended: float | None = None
    heartbeat: float | None = None
    pid: int | None = None
    process_start: float | None = None
    boot_id: str | None = None
    host: str | None = None
    device: str | None = None
    machine: str = Field(default="", description="the name of the CPU or GPU")
    commit: str = Field(default="", description="git revision of the code, with + if it was changed")
    precision: str | None = Field(default=None, description="as Lightning names it: 32-true, bf16-mixed")
    step: int = 0
    steps: int | None = None
    epoch: float = 0.0
    images_per_s: float | None = None
    eta_s: float | None = None
    memory_bytes: int | None = Field(default=None, description="of the process on a CPU, else on the device")
    memory_total: int | None = None
    data_dir: str | None = Field(default=None, description="$VITLAB_DATA of the process that launched it")
    active_s: float = Field(default=0.0, description="seconds of training so far, over all resumes")
    result: dict[str, Any] = Field(default_factory=dict)


class SweepLink(BaseModel):
    """The link from a run to its sweep (`vitcore.sweeps.sweep`).

    `varied` holds the settings in which a run of a study differs from the base configuration.
    """

    name: str = Field(pattern=r"^[\w.-]{1,80}$")
    kind: Literal["samples", "study"]
    varied: dict[str, Any] = Field(default_factory=dict)


class Meta(BaseModel):
    """meta.json: the user's title and note of a run, and its links. Written only by user actions."""

    model_config = ConfigDict(extra="ignore")

    title: str = ""
    note: str = ""
    pair: str | None = None
    sweep: SweepLink | None = None


def derive(status: Status, now: float | None = None) -> Status:
    """Return the status with the state that the facts support.

    A run is failed when its process is gone within the same boot. It is lost after a reboot, when its host
    has sent no heartbeat, or when another process has its PID now.
    """
    if status.state not in ("running", "stopping") or status.pid is None:
        return status
    now = time.time() if now is None else now
    if status.host != process.hostname():
        if now - (status.heartbeat or 0) > SILENCE_S:
            return status.model_copy(
                update={"state": "lost", "reason": f"no heartbeat from {status.host} for a minute"}
            )
        return status
    if status.boot_id != process.boot_id():
        return status.model_copy(update={"state": "lost", "reason": "the machine was restarted while it ran"})
    seen = process.look(status.pid, status.process_start)
    if seen == "reused":
        why = "its process ended unobserved, and another process has its PID now"
        return status.model_copy(update={"state": "lost", "reason": why})
    if seen == "gone":
        return status.model_copy(
            update={"state": "failed", "reason": "its process ended without an error message; see train.log"}
        )
    return status
