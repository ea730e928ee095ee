import pytest
from support.sweep_project import BASE, Project, assert_refused


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path, trains=False)


@pytest.mark.slow
def test_other_arguments_are_passed_on_to_each_run(project):
    done = project.run("--data_dir", "../data/MRPC", "--mixed_precision=bfloat16", SEEDS="0 1", EPOCHS=1)
    assert done.returncode == 0, done.stderr
    assert len(project.results()) == 2
    for results in project.results().values():
        assert results["flags"]["data_dir"] == "../data/MRPC"
        assert results["flags"]["mixed_precision"] == "bfloat16"


@pytest.mark.parametrize(
    ("arguments", "variables", "message"),
    [
        (["--learning_rate=1e-3"], {}, "--learning_rate: the sweep sets it for each run; set LEARNING_RATES instead"),
        (["--bert_model", "x"], {}, "--bert_model: the sweep sets it for each run; set MODELS instead"),
        (["--mixed_precison=bfloat16"], {}, "Did you mean: mixed_precision"),
        (["--tpu_name=x"], {}, "tpu_name: only valid with --use_tpu"),
        (["dry_run"], {}, "unexpected argument 'dry_run': flags start with --; see --help"),
        (["--gpus_per_run=1"], {}, "gpus_per_run: only valid with --ray"),
        (["--ray=auto", "--cpus_per_run=-1"], {}, "argument --cpus_per_run: '-1' is not a whole number; see --help"),
        (["--ray=auto"], {"JOBS": 2}, "JOBS: only valid without --ray; the cluster runs as many at the same time as"),
        (["--bert_config_file=x", "--vocab_file=y"], {"MODELS": BASE}, "MODELS: contradicts --bert_config_file"),
    ],
)
def test_mistakes_are_reported_in_one_line_and_nothing_is_run(arguments, variables, message, project):
    assert_refused(project, message, *arguments, **variables)
