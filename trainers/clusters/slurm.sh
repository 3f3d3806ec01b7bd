#!/usr/bin/env bash
# Trains on several machines under SLURM: sbatch --nodes=4 trainers/clusters/slurm.sh CONFIG WORKDIR
#
# CONFIG as for `tfvae train`, WORKDIR on a disk that all nodes see. One task a node, with all of
# its GPUs. A job that is taken away is queued again, and goes on from its last checkpoint.
#SBATCH --job-name=tfvae
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=32
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
set -euo pipefail

config=$1 workdir=$2 port=${PORT:-12345}
workers=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | sed "s/.*/\"&:$port\"/" | paste -sd,)
export workers config workdir

# Single quotes: each task has an index of its own. If one worker ends, all do, and start again.
srun --kill-on-bad-exit=1 bash -c '
  export TF_CONFIG="{\"cluster\": {\"worker\": [$workers]}, \"task\": {\"type\": \"worker\", \"index\": $SLURM_PROCID}}"
  exec tfvae train --strategy=multi_worker --config="$config" --workdir="$workdir"'
