"""The names of the files in a run's output folder: the one place for programs, the report and the sweep."""

# The run's settings and its results.
RUN = "run.json"
RESULTS = "results.json"
EVAL_RESULTS = "eval_results.txt"
EVAL_RESULTS_ALL = "eval_results_all.tsv"
EVAL_PREDICTIONS = "eval_predictions.tsv"
EVAL_VALUES = "eval_values.tsv"
TEST_RESULTS = "test_results.tsv"
TEST_PREDICTIONS = "test_predictions.tsv"
TRAIN_LOG = "train_log.csv"

# The files of the original's run_squad.py.
PREDICTIONS = "predictions.json"
NBEST_PREDICTIONS = "nbest_predictions.json"
NULL_ODDS = "null_odds.json"

# The predicted tags of a test set, a word and its tag a line.
TAG_PREDICTIONS = "predictions.conll"

# The fine-tuned model, next to its `model.ckpt-STEP.*`.
CHECKPOINT = "checkpoint"
CONFIG = "bert_config.json"
VOCAB = "vocab.txt"
LABELS = "labels.txt"
# Says the kind of the labels: "classification", "regression" or "multi_label"; or "question_answering" or
# "token_classification".
TASK = "task.json"
TASK_OF_EARLIER_VERSIONS = '{"kind": "classification"}\n'

# In the assets of an exported model: what it says of itself.
EXPORT = "export.json"

# Written by a sweep: all that the run printed, and how it failed.
LOG = "run.log"
FAILURE = "failure.txt"
