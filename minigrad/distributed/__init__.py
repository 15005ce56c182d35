"""Training in several processes, on one machine or many, over MPI (docs/distributed.md).

https://docs.pytorch.org/docs/stable/distributed.html
"""

from minigrad.distributed import nn as nn
from minigrad.distributed.buffers import ReduceOp as ReduceOp
from minigrad.distributed.collectives import all_gather as all_gather
from minigrad.distributed.collectives import all_gather_into_tensor as all_gather_into_tensor
from minigrad.distributed.collectives import all_reduce as all_reduce
from minigrad.distributed.collectives import all_to_all as all_to_all
from minigrad.distributed.collectives import barrier as barrier
from minigrad.distributed.collectives import broadcast as broadcast
from minigrad.distributed.collectives import gather as gather
from minigrad.distributed.collectives import monitored_barrier as monitored_barrier
from minigrad.distributed.collectives import reduce as reduce
from minigrad.distributed.collectives import reduce_scatter as reduce_scatter
from minigrad.distributed.collectives import reduce_scatter_tensor as reduce_scatter_tensor
from minigrad.distributed.collectives import scatter as scatter
from minigrad.distributed.groups import GroupMember as GroupMember
from minigrad.distributed.groups import ProcessGroup as ProcessGroup
from minigrad.distributed.groups import default_pg_timeout as default_pg_timeout
from minigrad.distributed.groups import destroy_process_group as destroy_process_group
from minigrad.distributed.groups import get_backend as get_backend
from minigrad.distributed.groups import get_global_rank as get_global_rank
from minigrad.distributed.groups import get_group_rank as get_group_rank
from minigrad.distributed.groups import get_process_group_ranks as get_process_group_ranks
from minigrad.distributed.groups import get_rank as get_rank
from minigrad.distributed.groups import get_world_size as get_world_size
from minigrad.distributed.groups import group as group
from minigrad.distributed.groups import init_process_group as init_process_group
from minigrad.distributed.groups import is_available as is_available
from minigrad.distributed.groups import is_initialized as is_initialized
from minigrad.distributed.groups import is_mpi_available as is_mpi_available
from minigrad.distributed.groups import new_group as new_group
from minigrad.distributed.objects import all_gather_object as all_gather_object
from minigrad.distributed.objects import broadcast_object_list as broadcast_object_list
from minigrad.distributed.objects import gather_object as gather_object
from minigrad.distributed.objects import scatter_object_list as scatter_object_list
from minigrad.distributed.work import DistBackendError as DistBackendError
from minigrad.distributed.work import DistError as DistError
from minigrad.distributed.work import Work as Work
