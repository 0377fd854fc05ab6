import os
import re
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "python" / "train_fsdp2.py"


def losses(processes, checkpoint):
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    run = subprocess.run(
        [*launch, str(EXAMPLE), "--checkpoint", str(checkpoint)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return [float(loss) for loss in re.findall(r"^step \d+: loss ([\d.]+)$", run.stdout, re.MULTILINE)]


def test_it_trains_and_goes_on_with_another_number_of_processes(tmp_path):
    first = losses(2, tmp_path / "checkpoint")
    assert len(first) == 10
    assert first[-1] < 0.7 * first[0]
    then = losses(1, tmp_path / "checkpoint")
    assert then[0] < 0.7 * first[0]
