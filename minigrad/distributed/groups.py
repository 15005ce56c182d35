"""Groups of processes: which rank this is, who belongs together, and how they begin and end.

https://docs.pytorch.org/docs/stable/distributed.html
"""

from __future__ import annotations

import contextlib
import datetime
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from minigrad.distributed import leaving
from minigrad.distributed.alone import DONE, Alone
from minigrad.distributed.mpi import Channel, load
from minigrad.distributed.work import DistBackendError, Work, seconds
from minigrad.modes import refuse_on_tape
from minigrad.silence import warn

default_pg_timeout = datetime.timedelta(minutes=30)
_GRACE = 5.0  # seconds in which the others tell what they do, once a collective has failed


class ProcessGroup:
    """Some of the ranks, in an order of their own, and the collectives that they have begun."""

    def __init__(self, channel: Any, ranks: Sequence[int], timeout: float, name: str) -> None:
        self.channel, self.ranks, self.timeout, self.description = channel, ranks, timeout, name
        self.count = 0  # collectives begun
        self.failed = ""  # why it can be used no longer
        self._under_way: deque[Work] = deque()

    def __deepcopy__(self, memo: Any) -> ProcessGroup:
        """Return the group itself: a copy of a layer belongs to the same processes."""
        return self

    def rank(self) -> int:
        """Return the rank of this process in the group."""
        return self.channel.rank  # type: ignore[no-any-return]

    def size(self) -> int:
        """Return how many ranks there are."""
        return len(self.ranks)

    def run(
        self,
        description: str,
        start: Callable[[], Any],
        finish: Callable[[], Any] | None = None,
        async_op: bool = False,
    ) -> Work | None:
        """Begin a collective; wait for it, or return its Work."""
        if self.failed:
            raise DistBackendError(f"{description}: the group can be used no longer; {self.failed}")
        refuse_on_tape(f"{description}: the processes meet there, and in a replay they would not")
        self.count += 1
        work = Work(self, description, start, finish)
        self._under_way.append(work)
        if async_op:
            self.advance()
            return work
        work.wait()
        return None

    def advance(self) -> None:
        """Do what can be done now for all collectives under way.

        Data move in the order in which the collectives were begun, the same on every rank.
        """
        for work in self._under_way:
            if not work.advance():
                break
        while self._under_way and self._under_way[0]._done:
            self._under_way.popleft()

    def is_busy(self) -> bool:
        """Return whether a collective is under way, after what can be done now."""
        with contextlib.suppress(DistBackendError):
            self.advance()
        return bool(self._under_way)

    def give_up(self, work: Work, why: str) -> None:
        """Tell the others, listen to them, and raise what all of them do."""
        self._under_way.clear()
        self.failed = str(work)
        texts = self.channel.report(str(work), min(_GRACE, self.timeout))
        lines = [
            f"  rank {rank}: {text or 'no answer'}"
            for rank, text in zip(self.ranks, texts, strict=True)
        ]
        where = f"{why.format(self.ranks[self.rank()])} at {work}{self.description}"
        self.failed = "\n".join([where, *lines])
        raise DistBackendError(self.failed)


class _State:
    world: ProcessGroup | None = None
    groups: list[ProcessGroup] = []  # all with this rank, the world first


STATE = _State()


class GroupMember:
    """What a collective takes for its group, beside a group."""

    NON_GROUP_MEMBER = -100  # what new_group returns to the ranks outside


class _WorldOnDemand(type):
    @property
    def WORLD(cls) -> ProcessGroup | None:
        """The group of all ranks, None before init_process_group."""
        return STATE.world


class group(metaclass=_WorldOnDemand):
    """Holds ``group.WORLD``, the group of all ranks."""


def is_available() -> bool:
    """Return True: without MPI there is a group of one rank."""
    return True


def is_mpi_available() -> bool:
    """Return whether mpi4py and an MPI are installed: pip install 'minigrad[mpi]'."""
    return load() is not None


def is_initialized() -> bool:
    """Return whether init_process_group was called."""
    return STATE.world is not None


def init_process_group(
    backend: str | None = None,
    init_method: str | None = None,
    timeout: Any = None,
    world_size: int = -1,
    rank: int = -1,
    store: Any = None,
    group_name: str = "",
    pg_options: Any = None,
    device_id: Any = None,
) -> None:
    """Join the ranks that ``mpiexec -n 4 python train.py`` started; alone, be a group of one.

    ``timeout`` (30 minutes) is how long a collective waits for the other ranks, a timedelta or
    seconds. MPI tells ``rank`` and ``world_size``; both, and the arguments after them, are taken
    for the sake of PyTorch's scripts. From here on a rank that raises ends the others, too. Raises
    ValueError for another backend than "mpi" and if it was called before, RuntimeError where a
    launcher started several ranks that do not see one another.
    https://docs.pytorch.org/docs/stable/distributed.html#torch.distributed.init_process_group

    >>> from minigrad import distributed as dist
    >>> dist.init_process_group("mpi")
    >>> dist.get_rank(), dist.get_world_size()
    (0, 1)
    >>> dist.destroy_process_group()
    """
    if STATE.world is not None:
        raise ValueError(
            "trying to initialize the default process group twice! This is rank "
            f"{STATE.world.rank()} of {STATE.world.size()}"
        )
    if backend is not None and str(backend).lower() not in ("mpi", "cpu:mpi"):
        raise ValueError(f"init_process_group: backend {backend!r}: minigrad has 'mpi' alone")
    limit = seconds(default_pg_timeout if timeout is None else timeout)
    channel = Channel.world() or Alone()
    for what, told, real in (
        ("world_size", world_size, channel.size),
        ("rank", rank, channel.rank),
    ):
        if told not in (-1, real):
            warn(f"init_process_group: {what}={told} is ignored: MPI says {real}")
    STATE.world = ProcessGroup(channel, range(channel.size), limit, "")
    STATE.groups = [STATE.world]
    if channel.size > 1:
        leaving.begin(STATE.world, STATE.groups)


def destroy_process_group(group: ProcessGroup | None = None) -> None:
    """Leave a group, which all its ranks must do; by default all groups.

    Raises ValueError where it was left before, or never joined.
    """
    world = default_group()
    if group is not None and group is not world:
        if group not in STATE.groups:
            raise ValueError(f"Invalid process group specified or has been destroyed: {group!r}")
        _end(group)
        STATE.groups.remove(group)
        return
    for member in reversed(STATE.groups):
        _end(member)
    STATE.world, STATE.groups = None, []
    leaving.forget()


def _end(member: ProcessGroup) -> None:
    if not member.failed:
        member.run(leaving.END, lambda: DONE)
        member.channel.close()
        member.failed = "it was destroyed"


def default_group() -> ProcessGroup:
    """Return the group of all ranks; raise ValueError before init_process_group."""
    if STATE.world is None:
        raise ValueError(
            "Default process group has not been initialized, please make sure to call "
            "init_process_group."
        )
    return STATE.world


def group_or_world(group: Any) -> Any:
    """Return the group that a collective was called with, the world for None."""
    return default_group() if group is None else group


def get_rank(group: Any = None) -> int:
    """Return the rank of this process in the group, -1 outside; by default among all ranks.

    Raises ValueError before init_process_group.
    """
    world = default_group()
    if group == GroupMember.NON_GROUP_MEMBER:
        return -1
    return (group or world).rank()  # type: ignore[no-any-return]


def get_world_size(group: Any = None) -> int:
    """Return how many ranks the group has, -1 outside of it; by default all.

    Raises ValueError before init_process_group.
    """
    world = default_group()
    if group == GroupMember.NON_GROUP_MEMBER:
        return -1
    return (group or world).size()  # type: ignore[no-any-return]


def get_backend(group: Any = None) -> str:
    """Return "mpi"; raise ValueError before init_process_group."""
    group_or_world(group)
    return "mpi"


def get_process_group_ranks(group: Any) -> list[int]:
    """Return the ranks of a group, as they are numbered among all."""
    return list(group_or_world(group).ranks)


def get_group_rank(group: Any, global_rank: int) -> int:
    """Return the number within the group of a rank; raise ValueError where it is not in it."""
    ranks = list(group_or_world(group).ranks)
    if global_rank not in ranks:
        raise ValueError(f"Global rank {global_rank} is not part of group {ranks}")
    return ranks.index(global_rank)


def get_global_rank(group: Any, group_rank: int) -> int:
    """Return the number among all ranks of one of a group; ValueError where there is none."""
    ranks = list(group_or_world(group).ranks)
    if not 0 <= group_rank < len(ranks):
        raise ValueError(f"Group rank {group_rank} is not part of group {ranks}")
    return ranks[group_rank]


def new_group(
    ranks: Sequence[int] | None = None,
    timeout: Any = None,
    backend: str | None = None,
    pg_options: Any = None,
) -> Any:
    """Return the group of these ranks, by default of all; every rank must call it, in order.

    Ranks outside get ``GroupMember.NON_GROUP_MEMBER``. Raises ValueError for ranks that are not
    there or come twice.
    https://docs.pytorch.org/docs/stable/distributed.html#torch.distributed.new_group

    >>> from minigrad import distributed as dist
    >>> dist.init_process_group()
    >>> dist.get_world_size(dist.new_group([0]))
    1
    >>> dist.destroy_process_group()
    """
    world = default_group()
    members = sorted(range(world.size()) if ranks is None else ranks)
    if len(set(members)) < len(members):
        raise ValueError(f"new_group: the ranks {members} are not all different")
    if not members or members[0] < 0 or members[-1] >= world.size():
        raise ValueError(
            f"new_group: the ranks {members} should be among the {world.size()} of this job, "
            "from 0 on"
        )
    limit = world.timeout if timeout is None else seconds(timeout)
    world.run(f"new_group of ranks {members}", lambda: DONE)
    if world.rank() not in members:
        return GroupMember.NON_GROUP_MEMBER
    name = f" in the group of ranks {members}"
    made = ProcessGroup(world.channel.split(members), members, limit, name)
    STATE.groups.append(made)
    return made
