#!/usr/bin/env bash
# Fine-tunes BERT-large on MRPC with the notebook's recipe; arguments are passed on:
#
#   scripts/mrpc_large.sh
#   scripts/mrpc_large.sh --seed=1 --output_dir=output/mrpc_large_seed1
set -euo pipefail

exec python "$(dirname "$0")/../run_classifier.py" \
  --task_name=MRPC \
  --do_train \
  --do_eval \
  --bert_model=uncased_L-24_H-1024_A-16 \
  --learning_rate=2e-5 \
  --train_batch_size=8 \
  --num_train_epochs=3 \
  --warmup_steps=500 \
  --weight_decay=0.01 \
  "$@"
