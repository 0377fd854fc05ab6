"""`--init-from RUN`: another run's weights as the start."""

import json
import shutil

import pytest

from .running import TINY, assert_same, checkpoint, config, flags, metrics, refused, resume, train, validation_losses
from .test_experiments import SMALL

SHORT = TINY | {"steps": 6, "eval-every": 3}


@pytest.fixture
def tuned(tmp_path, finished):
    """A run of other data that begins with the weights of the finished one."""
    (tmp_path / "text.txt").write_text("To be, or not to be, that is the question:\n" * 100)
    return train(tmp_path / "tuned", SHORT, init_from=finished, data="text.txt")


def test_starts_where_the_other_run_ended(tmp_path, finished, tuned):
    # On the same text the first validation is the other run's last.
    same = train(tmp_path / "same", SHORT, init_from=finished)
    assert validation_losses(same)[0] == validation_losses(finished)[-1]
    # Neither the optimizer's state nor the steps come along: the same weights from a file of them alone do the same.
    by_file = train(tmp_path / "by_file", SHORT, init_from=finished / "checkpoint.safetensors")
    assert_same(by_file, same)
    assert metrics(tuned)[-1]["step"] == 6
    assert validation_losses(tuned)[-1] < validation_losses(tuned)[0]


def test_goes_on_to_the_same_bits_without_it(tmp_path, finished, tuned):
    """What is begun needs the other run no more."""
    start = shutil.copytree(finished, tmp_path / "start")
    half = train(tmp_path / "half", SHORT | {"steps": 3}, init_from=start, data="text.txt", cooldown=0)
    whole = train(tmp_path / "whole", SHORT, init_from=start, data="text.txt", cooldown=0)
    changed = config(half)
    changed["options"]["steps"] = 6
    (half / "config.json").write_text(json.dumps(changed))
    shutil.rmtree(start)
    resume(half)
    assert checkpoint(half).tensors == checkpoint(whole).tensors
    assert validation_losses(half) == validation_losses(whole)


def test_another_checkpoint_than_recorded_is_refused(tmp_path, finished, tuned):
    start = shutil.copytree(finished, tmp_path / "start")
    run = train(tmp_path / "run", SHORT, init_from=start)
    assert config(run)["start"]["bytes"] == (start / "checkpoint.safetensors").stat().st_size
    (run / "checkpoint.safetensors").unlink()
    shutil.copy(tuned / "checkpoint.safetensors", start)
    refused(tmp_path, "train", "gpt", "--resume", "run", words=["checkpoint.safetensors", "not the file"])


def test_bad_starts(tmp_path, finished):
    small = shutil.copytree(finished, tmp_path / "small")
    other = train(tmp_path / "mlp", SMALL["mlp"], experiment="mlp")
    make = ["train", "gpt", "--out", "run", *flags(TINY), "--init-from"]
    refused(tmp_path, *make, "nothing", words=["--init-from", "nothing"])
    refused(tmp_path, *make, other, words=["checkpoint.safetensors", "another model"])
    wider = ["train", "gpt", "--out", "run", *flags(TINY | {"width": 48}), "--init-from", small]
    refused(tmp_path, *wider, words=["checkpoint.safetensors", "[256, 32]", "[256, 48]"])
    file = small / "checkpoint.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    refused(tmp_path, *make, small, words=["checkpoint.safetensors"])
    file.unlink()
    refused(tmp_path, *make, small, words=["small", "there is no checkpoint"])
