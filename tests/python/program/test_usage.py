"""What a command line may say in more than one way, and what --help shows of it."""

from .running import TINY, assert_same, config, fanion, flags, train


def test_rule_at_rate_trains(tmp_path):
    at = train(tmp_path / "at", optimizer="nsgd@0.25", steps=6)
    apart = train(tmp_path / "apart", optimizer="nsgd", lr=0.25, steps=6)
    assert config(at)["options"]["optimizer"] == "nsgd"
    assert config(at)["options"]["lr"] == 0.25
    assert_same(at, apart)


def test_rule_at_rate_in_a_config_file(tmp_path):
    (tmp_path / "options.json").write_text('{"optimizer": "fanion:k=2@0.125", "steps": 3}')
    sizes = {name: value for name, value in TINY.items() if name != "steps"}
    run = train(tmp_path / "run", {"config": "options.json"} | sizes)
    assert config(run)["options"]["optimizer"] == "fanion:k=2"
    assert config(run)["options"]["lr"] == 0.125
    # The command line wins, with its own rate.
    run = train(tmp_path / "other", {"config": "options.json", "optimizer": "nsgd@0.5"} | sizes)
    assert (config(run)["options"]["optimizer"], config(run)["options"]["lr"]) == ("nsgd", 0.5)


def test_help_lists_what_is_taken(tmp_path):
    def listed(*command):
        result = fanion(*command, "--help", cwd=tmp_path)
        assert result.returncode == 0
        return result.stdout

    train_help, compare_help = listed("train", "gpt"), listed("compare", "gpt")
    for flag in ["--optimizer ", "--lr "]:
        assert flag in train_help
        assert flag not in compare_help
    for flag in ["--optimizers ", "--embedding-lr", "--steps"]:
        assert flag in compare_help
    refused = fanion("compare", "gpt", "--lr", 0.1, *flags(TINY), cwd=tmp_path)
    assert refused.returncode == 1 and "--optimizers" in refused.stderr
