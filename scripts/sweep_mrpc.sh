#!/usr/bin/env bash
# Fine-tunes on MRPC once for each configuration of a grid and each seed, always from the pre-trained checkpoint.
#
#   scripts/sweep_mrpc.sh                 the notebook's grid, three seeds each
#   scripts/sweep_mrpc.sh --dry_run       prints the commands, one a line, and runs nothing
#
# These variables define another grid; it has all combinations of their values:
#
#   MODELS            names or folders, default uncased_L-12_H-768_A-12; put a folder with spaces in more quotes:
#                     MODELS="uncased_L-4_H-512_A-8 '/my models/tiny'"
#   LEARNING_RATES    default 5e-5
#   BATCH_SIZES       default 8
#   EPOCHS            default 3
#
# For example the grid of the paper:
#
#   LEARNING_RATES="5e-5 3e-5 2e-5" BATCH_SIZES="16 32" EPOCHS="2 3 4" scripts/sweep_mrpc.sh
#
# The notebook's grid warms up for 500 steps; another grid for a tenth of a run's steps, as in the original.
# These variables apply to any grid:
#
#   SEEDS             default "0 1 2"
#   JOBS              the number of runs at the same time, default 1; if there are GPUs, each run has one for itself
#   OUTPUT_DIR        default output/sweep_mrpc; each run has a folder there, named after its configuration
#
# Other arguments are passed on to each run, see run_classifier.py --help: --data_dir=FOLDER, --mixed_precision=bfloat16.
# With --bert_config_file, --vocab_file and --init_checkpoint, the grid is run with this one model.
#
# On a Ray cluster (pip install -e '.[ray]'), the runs spread over its nodes instead of JOBS:
#
#   --ray=ADDRESS     HOST:PORT of the head, as `ray start --head` prints it, or auto for the cluster of this machine
#   --gpus_per_run=N  default 1 if the cluster has GPUs
#   --cpus_per_run=N  default all cores of the smallest node, or 1 besides a GPU
#
# All nodes must see this clone, its Python environment, the data and OUTPUT_DIR under the same paths. The runs have the
# nodes' environment variables, and BERT_TF_CACHE from here. If a node dies, its runs start again on another one, up to
# five times each, and resume from their last checkpoints. Ctrl-C and kill end the runs on all nodes.
#
# Each run prints to the run.log in its folder. A run that fails leaves failure.txt there, and the others continue. If
# you start a sweep again, it skips finished runs and resumes the others. Its last step is a report on all runs.
# Exit code: 0 if everything succeeded, 1 if a run or the report failed, 130 after Ctrl-C, 143 after SIGTERM.
set -euo pipefail

# shellcheck source=sweep/help.sh disable=SC1091
source "$(dirname "$0")/sweep/help.sh"

base=uncased_L-12_H-768_A-12
large=uncased_L-24_H-1024_A-16

if [ -n "${MODELS:-}${LEARNING_RATES:-}${BATCH_SIZES:-}${EPOCHS:-}" ]; then
  grid=(--grid "${MODELS:-$base}" "${LEARNING_RATES:-5e-5}" "${BATCH_SIZES:-8}" "${EPOCHS:-3}")
else
  grid=(
    #      model    learning rate  batch size  epochs
    --grid "$base"  5e-5           8           3  # the baseline
    --grid "$base"  5e-5           16          3
    --grid "$base"  2e-5           8           3
    --grid "$base"  5e-5           16          5
    --grid "$large" 2e-5           8           3
    --warmup_steps=500
    --weight_decay=0.01
  )
fi

exec python "$(dirname "$0")/sweep" \
  --output_dir="${OUTPUT_DIR:-output/sweep_mrpc}" \
  --seeds="${SEEDS:-0 1 2}" \
  --jobs="${JOBS:-1}" \
  --task_name=MRPC \
  "${grid[@]}" \
  "$@"
