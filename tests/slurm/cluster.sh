#!/usr/bin/env bash
# A real Slurm on this one machine, for tests: two partitions, fake GPUs, memory and time limits that are enforced.
#   tests/slurm/cluster.sh start FOLDER [GPUS]
#   tests/slurm/cluster.sh stop FOLDER
# All that it writes lies in FOLDER, but for links to it in /etc/slurm, where Slurm's programs look; a machine that
# has a Slurm of its own is refused. No systemd, no database, no cgroups. Needs root, and of Debian
#   apt-get install --no-install-recommends slurmctld slurmd slurm-client munge
set -euo pipefail
command=$1 folder=$(realpath -m "$2") gpus=${3:-1}

start() {
  local host cpus memory gpu
  if [ -e /etc/slurm/slurm.conf ]; then
    echo "$0: /etc/slurm/slurm.conf is there: this machine has a Slurm, or a test's that was not stopped" >&2
    exit 1
  fi
  host=$(hostname -s) cpus=$(nproc)
  memory=$(awk '/MemTotal/ { printf "%d", $2 / 1024 * 0.9 }' /proc/meminfo)
  mkdir -p "$folder"/{munge,state,spool}
  cat >"$folder/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
AccountingStorageType=accounting_storage/none
# Without cgroups slurmd adds up the memory of a job every second, and ends the job that has more than it asked for.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill,UsePss
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=1000
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=2,sched_interval=2
ReturnToService=2
MinJobAge=86400
KillWait=5
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
GresTypes=gpu
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus RealMemory=$memory Gres=gpu:$gpus State=UNKNOWN
# The higher tier lets CPU jobs pass a GPU job that waits for its GPU.
PartitionName=cpu Nodes=$host Default=YES MaxTime=INFINITE State=UP PriorityTier=2
PartitionName=gpu Nodes=$host MaxTime=INFINITE State=UP PriorityTier=1
CONF
  : >"$folder/gres.conf"
  for ((gpu = 0; gpu < gpus; gpu++)); do # Slurm wants a device file a GPU; twins of /dev/null do
    [ -e "$folder/gpu$gpu" ] || mknod -m 666 "$folder/gpu$gpu" c 1 3
    echo "NodeName=$host Name=gpu File=$folder/gpu$gpu AutoDetect=off" >>"$folder/gres.conf"
  done
  mkdir -p /etc/slurm
  ln -sf "$folder"/{slurm,gres}.conf /etc/slurm/
  dd if=/dev/urandom of="$folder/munge/key" bs=128 count=1 status=none
  chmod 400 "$folder/munge/key"
  munged --force --socket="$folder/munge/socket" --key-file="$folder/munge/key" --pid-file="$folder/munged.pid" \
    --log-file="$folder/munge/log" --seed-file="$folder/munge/seed" 2>/dev/null
  slurmctld -c
  slurmd
  for _ in $(seq 30); do
    if sinfo --noheader --format=%T 2>/dev/null | grep -qx idle; then
      sinfo --format='%P %T %c CPUs, %m MB, %G'
      return
    fi
    sleep 1
  done
  tail -n 20 "$folder/slurmctld.log" "$folder/slurmd.log" >&2 || true
  echo "$0: Slurm did not come up; its logs are in $folder" >&2
  exit 1
}

stop() {
  local daemon pid file
  squeue --noheader --format=%i 2>/dev/null | xargs --no-run-if-empty scancel || true
  for daemon in slurmd slurmctld munged; do
    pid=$(cat "$folder/$daemon.pid" 2>/dev/null) || continue
    kill "$pid" 2>/dev/null || continue
    for _ in $(seq 40); do kill -0 "$pid" 2>/dev/null || break; sleep 0.5; done
  done
  for file in slurm gres; do
    [ "$(readlink "/etc/slurm/$file.conf")" != "$folder/$file.conf" ] || rm "/etc/slurm/$file.conf"
  done
}

case $command in
  start) start ;;
  stop) stop ;;
  *) echo "usage: $0 start FOLDER [GPUS] | stop FOLDER" >&2 && exit 2 ;;
esac
