"""What a process of the scheduler `processes` does before its first task."""

import os
from multiprocessing import connection, parent_process
from threading import Thread

from threadpoolctl import threadpool_limits

from xc.evaluate.allocator import return_large_arrays


def begin() -> None:
    """End with the process that started this one, and do as that one does.

    Workers wait for tasks on a queue that they hold open themselves: when the other is killed, they
    would not be told. Tasks have a core each, and what they free is returned.
    """
    Thread(target=_end_with_parent, daemon=True).start()
    threadpool_limits(1, user_api="blas")
    return_large_arrays()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
