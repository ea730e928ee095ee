#!/usr/bin/env bash
# Fine-tunes on each task of GLUE, once for each configuration of a grid and each seed.
#
#   scripts/sweep_glue.sh                 all tasks whose data are here, three seeds each
#   scripts/sweep_glue.sh --dry_run       prints the commands, one a line, and runs nothing
#
# These variables define the grid; it has all combinations of their values, for each task:
#
#   TASKS             default all: those of CoLA, SST-2, MRPC, STS-B, QQP, MNLI, QNLI, RTE and WNLI that have data in
#                     $GLUE_DIR/TASK or data/TASK; one line names the others. A task that you name must have data:
#                     TASKS="CoLA RTE"
#   MODELS            names or folders, default uncased_L-12_H-768_A-12; put a folder with spaces in more quotes:
#                     MODELS="uncased_L-4_H-512_A-8 '/my models/tiny'"
#   LEARNING_RATES    default 2e-5
#   BATCH_SIZES       default 32
#   EPOCHS            default 3
#   SEEDS             default "0 1 2"
#   JOBS              the number of runs at the same time, default 1; if there are GPUs, each run has one for itself
#   OUTPUT_DIR        default output/sweep_glue; each task has a folder there, and each run one in it
#
# Its last step is one report on all tasks. Everything else is as in scripts/sweep_mrpc.sh, see its --help: other
# arguments, --ray, what happens after a failure and after a kill, and the exit codes.
set -euo pipefail

# shellcheck source=sweep/help.sh disable=SC1091
source "$(dirname "$0")/sweep/help.sh"

exec python "$(dirname "$0")/sweep" \
  --output_dir="${OUTPUT_DIR:-output/sweep_glue}" \
  --tasks="${TASKS:-all}" \
  --seeds="${SEEDS:-0 1 2}" \
  --jobs="${JOBS:-1}" \
  --grid "${MODELS:-uncased_L-12_H-768_A-12}" "${LEARNING_RATES:-2e-5}" "${BATCH_SIZES:-32}" "${EPOCHS:-3}" \
  "$@"
