"""The contents of status.json and meta.json, and the derivation of a run's actual state. No torch."""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SkipValidation, field_validator

from vitcore import numbers
from vitcore.runs import process

State = Literal["queued", "running", "stopping", "finished", "stopped", "failed", "lost", "imported"]
ACTIVE: tuple[State, ...] = ("queued", "running", "stopping")
HANG_S = 300.0  # a training without a step for this long may hang
SILENCE_S = 60.0  # a run on another host is lost after this long without a heartbeat


TITLE_LENGTH, NOTE_LENGTH = 80, 2000  # characters
REASON_LENGTH = 2000


def printable(text: Any, most: int | None = None, also: str = "") -> Any:
    """Return at most `most` characters of a text, without control characters. The source may be untrusted.

    Other values than texts are returned as they are.
    """
    if not isinstance(text, str):
        return text
    return "".join(c for c in text if c.isprintable() or c in also).strip()[:most]


MOST_ENTRIES, LONGEST_NAME = 1000, 100  # of lists of devices, and of scores
LATEST = 1e11  # a time in seconds since 1970, in the year 5138
Time = Annotated[float, Field(ge=0, le=LATEST, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, le=1e18, allow_inf_nan=False)]
Duration = Annotated[float, Field(ge=0, le=1e10, allow_inf_nan=False)]  # seconds, at most 300 years
Epochs = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=10**18)]
Word = Annotated[str, Field(max_length=4096)]
SettingName = Annotated[str, Field(pattern=r"^\w{1,60}$")]
Title = Annotated[str, BeforeValidator(lambda text: printable(text, TITLE_LENGTH))]
Note = Annotated[str, BeforeValidator(lambda text: printable(text, NOTE_LENGTH, "\n"))]
Reason = Annotated[str, BeforeValidator(lambda text: printable(text, REASON_LENGTH, "\n"))]
# The keys of `result` in this version, so that the type checker finds misspelled ones. Files of other
# versions may have more.
ScoreName = Literal[
    "parameters",
    "n_train",
    "val_acc",
    "val_loss",
    "n_val",
    "best_epoch",
    "test_acc",
    "test_loss",
    "n_test",
    "weights",
]
Scores = dict[ScoreName, Any]


def is_score(name: str, value: Any) -> bool:
    """Return whether status.json can hold a score: a fraction from 0 to 1, or another number from 0 on."""
    most = 1 if name.endswith("_acc") else 1e18
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most


class Status(BaseModel):
    """status.json. Times are seconds since 1970. `result` holds fractions from 0 to 1, and counts."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    state: State
    reason: Reason = ""
    created: Time = 0.0
    queued: Time | None = Field(default=None, description="the time it was queued, which orders the queue")
    wanted: Word | None = Field(default=None, description="the key of the specific device it waits for")
    slots: list[Word] = Field(
        default_factory=list, max_length=MOST_ENTRIES, description="the keys of its assigned devices"
    )
    oom_kills: Count | None = Field(default=None, description="of its control group when it started")
    started: Time | None = None
    ended: Time | None = None
    heartbeat: Time | None = None
    progressed: Time | None = Field(default=None, description="the time of the last step")
    pid: int | None = Field(default=None, ge=0, lt=2**31)
    process_start: Time | None = None
    boot_id: Word | None = None
    host: Word | None = None
    device: Word | None = None
    machine: Word = Field(default="", description="the name of the CPU or GPU")
    commit: Word = Field(default="", description="git revision of the code, with + if it was changed")
    precision: Word | None = Field(default=None, description="as Lightning names it: 32-true, bf16-mixed")
    step: Count = 0
    steps: Count | None = None
    epoch: Epochs = 0.0
    images_per_s: Amount | None = None
    eta_s: Amount | None = None
    memory_bytes: Count | None = Field(
        default=None, description="of the process on a CPU, else on the device"
    )
    memory_total: Count | None = None
    data_dir: Word | None = Field(default=None, description="$VITLAB_DATA of the process that launched it")
    active_s: Duration = Field(default=0.0, description="seconds of training so far, over all resumes")
    result: Annotated[Scores, SkipValidation] = Field(default_factory=dict)

    @field_validator("result")
    @classmethod
    def check_result(cls, result: Scores) -> Scores:
        """Refuse scores that pages cannot show: fractions must be 0 to 1, and all others finite numbers.

        An accuracy over no images is refused, too. The number of images may be unknown.
        """
        if not isinstance(result, dict):
            raise ValueError("the scores are not a JSON object")
        if len(result) > MOST_ENTRIES:
            raise ValueError(f"{len(result)} scores are too many")
        for name, value in result.items():
            if len(name) > LONGEST_NAME:
                raise ValueError("the name of a score is too long")
            if value is None or (name == "weights" and isinstance(value, str) and len(value) < 100):
                continue
            if not is_score(name, value):
                raise ValueError(f"{name} is not a valid score")
        count = result.get("n_test")
        if result.get("test_acc") is not None and count is not None and count < 1:
            raise ValueError("test_acc is of no images")
        return result


class SweepLink(BaseModel):
    """The link from a run to its sweep (`vitcore.sweeps.sweep`).

    `varied` holds the settings in which a run of a study differs from the base configuration, or a variant of
    a model from its recipe. Another version may know more settings.
    """

    name: str = Field(pattern=r"^[\w.-]{1,80}$")
    kind: Literal["samples", "study"]
    varied: dict[SettingName, Any] = Field(default_factory=dict, max_length=20)


class Meta(BaseModel):
    """meta.json: the user's title and note of a run, and its links. Written only by user actions."""

    model_config = ConfigDict(extra="ignore")

    title: Title = ""
    note: Note = ""
    pair: Word | None = None
    sweep: SweepLink | None = None

    @property
    def varied(self) -> dict[str, Any]:
        """The settings in which the run differs from others of its sweep."""
        return self.sweep.varied if self.sweep else {}


def derive(status: Status, now: float | None = None) -> Status:
    """Return the status with the state that the facts support.

    The boot id tells whether a run belongs to this machine, because host names change. A run is failed when
    its process is gone within the same boot. It is lost after a reboot, when its host has sent no heartbeat,
    or when another process has its PID now.
    """
    if status.state not in ("running", "stopping") or status.pid is None:
        return status
    now = time.time() if now is None else now
    if status.boot_id != process.boot_id():
        if status.host == process.hostname():
            why = "the machine was restarted while it ran"
            return status.model_copy(update={"state": "lost", "reason": why})
        if now - (status.heartbeat or 0) > SILENCE_S:
            why = f"no heartbeat from {status.host} for a minute"
            return status.model_copy(update={"state": "lost", "reason": why})
        return status
    seen = process.look(status.pid, status.process_start)
    if seen == "reused":
        why = "its process ended unobserved, and another process has its PID now"
        return status.model_copy(update={"state": "lost", "reason": why})
    if seen == "gone":
        return status.model_copy(
            update={"state": "failed", "reason": "its process ended without an error message; see train.log"}
        )
    return _hanging(status, now)


def _hanging(status: Status, now: float) -> Status:
    """Return the status of a living process, with a reason if it has made no step for long."""
    if not (status.progressed and status.steps and status.step < status.steps):
        return status
    silent, usual = now - status.progressed, status.active_s / max(1, status.step)
    if silent < max(HANG_S, 20 * usual):
        return status
    usually = f" (usually one takes {usual:.2g} s)" if status.step else ""
    why = f"no step for {numbers.duration(silent)}{usually}: its process may hang"
    return status.model_copy(update={"reason": why, "eta_s": None})
