"""The table of checkpoints, and what their names say."""

import hashlib

import pytest

from bert_tf.checkpoints.catalogue import CATALOGUE, find_entry, validate_case_matches_checkpoint
from bert_tf.errors import UserError


def test_every_official_checkpoint_has_the_address_of_the_original_readme():
    dates = {name: entry.source.split("/")[-2] for name, entry in CATALOGUE.items() if "://" in entry.source}
    assert len(dates) == 32
    assert dates["uncased_L-12_H-768_A-12"] == "2018_10_18"
    assert dates["wwm_cased_L-24_H-1024_A-16"] == "2019_05_30"
    assert dates["multi_cased_L-12_H-768_A-12"] == "2018_11_23"
    assert dates["chinese_L-12_H-768_A-12"] == dates["multilingual_L-12_H-768_A-12"] == "2018_11_03"
    assert sum(date == "2020_02_20" for date in dates.values()) == 23
    assert all(entry.source.endswith(f"/{name}.zip") for name, entry in CATALOGUE.items() if name in dates)


def test_only_the_cased_checkpoints_keep_upper_case():
    cased = {name for name, entry in CATALOGUE.items() if not entry.do_lower_case}
    assert cased == {
        "cased_L-12_H-768_A-12",
        "cased_L-24_H-1024_A-16",
        "wwm_cased_L-24_H-1024_A-16",
        "multi_cased_L-12_H-768_A-12",
    }


def test_an_unknown_name_is_answered_with_close_ones():
    with pytest.raises(UserError, match=r"did you mean .*uncased_L-12_H-768_A-12.*\./uncased_L12_H768_A12"):
        find_entry("uncased_L12_H768_A12")


def test_the_model_that_fills_masks_has_its_published_files(splade_tiny_dir):
    entry = CATALOGUE["splade-tiny"]
    assert entry.sha256.keys() == set(entry.files)
    for name, digest in entry.sha256.items():
        assert hashlib.sha256((splade_tiny_dir / name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize(
    ("name", "lowercased"),
    [
        ("uncased_L-24_H-1024_A-16", True),
        ("uncased_L-12_H-768_A-12", True),
        ("multilingual_L-12_H-768_A-12", True),
        ("chinese_L-12_H-768_A-12", True),
        ("wwm_uncased_L-24_H-1024_A-16", True),
        ("uncased_L-2_H-128_A-2", True),
        ("cased_L-12_H-768_A-12", False),
        ("cased_L-24_H-1024_A-16", False),
        ("multi_cased_L-12_H-768_A-12", False),
        ("wwm_cased_L-24_H-1024_A-16", False),
    ],
)
def test_a_casing_that_contradicts_an_official_name_is_refused(name, lowercased):
    checkpoint = f"/models/{name}/bert_model.ckpt"
    validate_case_matches_checkpoint(lowercased, checkpoint)
    with pytest.raises(UserError, match=f"pass --do_lower_case={lowercased}"):
        validate_case_matches_checkpoint(not lowercased, checkpoint)


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("checkpoint", [None, "", "bert_model.ckpt", "my_cased_model/bert_model.ckpt", "cased/x.ckpt"])
def test_a_name_that_says_nothing_passes_with_either_casing(lower, checkpoint):
    validate_case_matches_checkpoint(lower, checkpoint)
