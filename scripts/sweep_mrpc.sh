#!/usr/bin/env bash
# Fine-tunes on MRPC once for each configuration of a grid and each seed, every run from the pre-trained checkpoint.
#
#   scripts/sweep_mrpc.sh                 the notebook's grid, three seeds each
#   scripts/sweep_mrpc.sh --dry_run       prints its commands, one a line, and runs none
#
# These variables make any other grid, all values with all others:
#
#   MODELS            names or folders, default uncased_L-12_H-768_A-12; quote a folder with spaces once more:
#                     MODELS="uncased_L-4_H-512_A-8 '/my models/tiny'"
#   LEARNING_RATES    default 5e-5
#   BATCH_SIZES       default 8
#   EPOCHS            default 3
#
# For example the paper's:
#
#   LEARNING_RATES="5e-5 3e-5 2e-5" BATCH_SIZES="16 32" EPOCHS="2 3 4" scripts/sweep_mrpc.sh
#
# The notebook warms up for 500 steps; in another grid it is a tenth of a run's steps, as in the original.
# And these hold for any grid:
#
#   SEEDS             default "0 1 2"
#   JOBS              how many runs go side by side, default 1; with more, each has a GPU of its own where there are GPUs
#   OUTPUT_DIR        default output/sweep_mrpc; each run has a folder there, named by its configuration
#
# Other arguments are passed on to each run, see run_classifier.py --help: --data_dir=FOLDER, --mixed_precision=bfloat16.
# With --bert_config_file, --vocab_file and --init_checkpoint the grid is that of this one model.
#
# What a run prints is in its run.log. Started again, a sweep skips what is finished and goes on where it was stopped. A
# run that fails leaves failure.txt in its folder, and the others go on. The last step is a report of all runs.
# Exit code: 0 if all is well, 1 if a run or the report failed, 130 after Ctrl-C, 143 after SIGTERM.
set -euo pipefail

for argument in "$@"; do
  if [ "$argument" = --help ]; then
    sed -n '2,/^set /s/^# \{0,1\}//p' "$0"
    exit
  fi
done

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

exec python "$(dirname "$0")/sweep.py" \
  --output_dir="${OUTPUT_DIR:-output/sweep_mrpc}" \
  --seeds="${SEEDS:-0 1 2}" \
  --jobs="${JOBS:-1}" \
  --task_name=MRPC \
  "${grid[@]}" \
  "$@"
