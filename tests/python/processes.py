"""Runs a function in several processes that form a Gloo process group."""

import multiprocessing
import os
import pickle
import traceback
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from torch import distributed as dist

# Forked from a server that has imported everything once and has no threads yet.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["fanion", "torch.distributed.tensor", "torch.distributed.fsdp"])
SECONDS = 120  # on a machine that does much else


def in_processes(count, f, *arguments, timeout=SECONDS):
    """f(rank, *arguments) on each of `count` processes: what they return, or the errors, as texts, of those that fail.

    AssertionError where one takes longer than that many seconds; all have ended then.
    """
    with TemporaryDirectory() as folder:
        pipes = [_CONTEXT.Pipe(duplex=False) for _ in range(count)]
        started = [
            _CONTEXT.Process(target=_run, args=(rank, count, folder, theirs, f, arguments, timeout), daemon=True)
            for rank, (_, theirs) in enumerate(pipes)
        ]
        for process in started:
            process.start()
        for _, theirs in pipes:
            theirs.close()
        try:
            return [_received(ours, rank, timeout) for rank, (ours, _) in enumerate(pipes)]
        finally:
            for process in started:
                process.kill()
                process.join()


def results_of(count, f, *arguments):
    """The same of functions that must not fail."""
    results = in_processes(count, f, *arguments)
    for rank, result in enumerate(results):
        assert not isinstance(result, BaseException), f"process {rank}: {result}"
    return results


def _received(pipe, rank, timeout):
    assert pipe.poll(timeout), f"process {rank} takes more than {timeout} s"
    try:
        return pickle.loads(pipe.recv_bytes())
    except EOFError:
        return EOFError("gone")


def _run(rank, count, folder, pipe, f, arguments, timeout):
    import torch

    torch.set_num_threads(1)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    store = dist.FileStore(str(Path(folder) / "store"), count)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=count, timeout=timedelta(seconds=timeout))
    torch.manual_seed(0)
    try:
        result = f(rank, *arguments)
    except BaseException as error:
        result = RuntimeError(f"{type(error).__name__}: {error}\n{traceback.format_exc()}")
    pipe.send_bytes(pickle.dumps(result))  # not by `send`, which shares tensors with a process that is gone then
    pipe.close()
    dist.destroy_process_group()
