"""What status.json and meta.json of a run folder hold, and the state that the facts allow. No torch."""

from __future__ import annotations

import time
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from vitcore.runs import process

State = Literal["queued", "running", "stopping", "finished", "stopped", "failed", "lost"]
ACTIVE: tuple[State, ...] = ("queued", "running", "stopping")
SILENCE_S = 60.0  # a run on another host is lost after this long without a heartbeat


class Status(BaseModel):
    """status.json. Times are seconds since 1970; `result` holds shares between 0 and 1, and counts."""

    model_config = ConfigDict(extra="ignore")

    state: State
    reason: str = ""
    created: float = 0.0
    queued: float | None = Field(
        default=None, description="its place in the queue: who has waited longest is next"
    )
    wanted: str | None = Field(default=None, description="the key of the very device it waits for")
    slots: list[str] = Field(default_factory=list, description="the keys of the devices it was given")
    oom_kills: int | None = Field(default=None, description="of its control group when it started")
    started: float | None = None
    ended: float | None = None
    heartbeat: float | None = None
    pid: int | None = None
    process_start: float | None = None
    boot_id: str | None = None
    host: str | None = None
    device: str | None = None
    machine: str = Field(default="", description="the processor or GPU by name")
    commit: str = Field(default="", description="of the code where it is a git checkout, + with changes")
    precision: str | None = Field(default=None, description="as Lightning names it: 32-true, bf16-mixed")
    step: int = 0
    steps: int | None = None
    epoch: float = 0.0
    images_per_s: float | None = None
    eta_s: float | None = None
    memory_bytes: int | None = Field(default=None, description="of the process on a CPU, else on the device")
    memory_total: int | None = None
    data_dir: str | None = Field(default=None, description="$VITLAB_DATA of whoever launched it")
    active_s: float = Field(default=0.0, description="seconds of training so far, over all resumes")
    result: dict[str, Any] = Field(default_factory=dict)


class Tie(BaseModel):
    """Ties the runs of a sweep (`vitcore.sweeps.sweep`); `varied`: where a run of a study leaves the base."""

    name: str = Field(pattern=r"^[\w.-]{1,80}$")
    kind: Literal["samples", "study"]
    varied: dict[str, Any] = Field(default_factory=dict)


class Meta(BaseModel):
    """meta.json: what people said about a run. Written by user actions alone."""

    model_config = ConfigDict(extra="ignore")

    title: str = ""
    note: str = ""
    pair: str | None = None
    sweep: Tie | None = None


def derive(status: Status, now: float | None = None) -> Status:
    """The state that the facts allow: failed = seen gone in the same boot; lost = another boot, a silent
    host, or a process number that is somebody else's by now.
    """
    if status.state not in ("running", "stopping") or status.pid is None:
        return status
    now = time.time() if now is None else now
    if status.host != process.hostname():
        if now - (status.heartbeat or 0) > SILENCE_S:
            return status.model_copy(
                update={"state": "lost", "reason": f"no sign of life from {status.host} for a minute"}
            )
        return status
    if status.boot_id != process.boot_id():
        return status.model_copy(update={"state": "lost", "reason": "the machine was restarted while it ran"})
    seen = process.look(status.pid, status.process_start)
    if seen == "reused":
        why = "nobody saw it end, and its process number is somebody else's now"
        return status.model_copy(update={"state": "lost", "reason": why})
    if seen == "gone":
        return status.model_copy(
            update={"state": "failed", "reason": "its process ended without a word; see train.log"}
        )
    return status
