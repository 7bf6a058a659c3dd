#!/bin/bash
# simulate_ranks.sh POINT.point.json OUT.json [--build DIR] [--kind KIND] [--ranks-a-node N] [--slowdown X]
#                   [--bandwidth BYTES_A_SECOND] [--latency SECONDS] [--memory-bandwidth B] [--memory-latency S]
#                   [--bandwidth-share X] [--byte-cost SECONDS] [--thin N] [--where TEXT]
# Runs the skeleton of a study point under SimGrid's smpirun: as many ranks as the point has, on nodes of N ranks
# behind one link each to a switch that is never the limit. --slowdown: how much slower a rank computes than when
# the point was measured (2: twice as many ranks as cores). --byte-cost: seconds of a core for each byte that a
# rank sends to or has from another node, as `lapatlas-bench link` measures it for TCP. --thin: an N-th of the rows
# and gradients over links of an N-th of the bandwidth, which takes as long and moves fewer bytes here (chosen by
# itself for many ranks). --kind predicted: a point that is also measured.
#
# The default link is what Cisco measured with Open MPI over 40 Gb/s Ethernet (NetPIPE: half a round trip 1.93 us,
# 37.23 Gb/s; news-blogs.cisco.com/performance/mpi-over-40gb-ethernet), which InfiniBand of today surpasses. Ranks
# of a node talk through its memory (5 GB/s a pair, 0.5 us).
set -euo pipefail

point="$1" out="$2"
shift 2
build=build/release kind='' ranks_a_node=16 slowdown=1
bandwidth=5e9 latency=1.93e-6 memory_bandwidth=5e9 memory_latency=0.5e-6 share=0.93 where='' byte_cost=0 thin=0
while [ $# -gt 0 ]; do
    case "$1" in
        --build) build="$2" ;;
        --kind) kind="$2" ;;
        --ranks-a-node) ranks_a_node="$2" ;;
        --slowdown) slowdown="$2" ;;
        --bandwidth) bandwidth="$2" ;;
        --latency) latency="$2" ;;
        --memory-bandwidth) memory_bandwidth="$2" ;;
        --memory-latency) memory_latency="$2" ;;
        --bandwidth-share) share="$2" ;;
        --where) where="$2" ;;
        --byte-cost) byte_cost="$2" ;;
        --thin) thin="$2" ;;
        *) echo "unknown option '$1'" >&2 && exit 2 ;;
    esac
    shift 2
done
command -v smpirun > /dev/null || { echo "no smpirun: install libsimgrid-dev" >&2 && exit 1; }

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
ranks="$(python3 -c 'import json, sys; print(len(json.load(open(sys.argv[1]))["loads"]))' "$point")"
nodes=$(((ranks + ranks_a_node - 1) / ranks_a_node))
if [ "$thin" -eq 0 ]; then thin=$((ranks > 16 ? ranks / 8 : 1)); fi
part() { python3 -c "print($1 / $thin)"; }
where="${where:-SimGrid: $nodes nodes of $ranks_a_node ranks, links of $bandwidth B/s, $latency s}"
speed="$(python3 -c "print(1e9 / $slowdown)")"
cat > "$work/platform.xml" << XML
<?xml version='1.0'?>
<!DOCTYPE platform SYSTEM "https://simgrid.org/simgrid.dtd">
<platform version="4.1">
  <cluster id="cluster" prefix="node" suffix="" radical="0-$((nodes - 1))" speed="${speed}f" core="$ranks_a_node"
           bw="$(part "$bandwidth")Bps" lat="$(python3 -c "print($latency / 2)")s"
           loopback_bw="$(part "$memory_bandwidth")Bps" loopback_lat="${memory_latency}s"/>
</platform>
XML
for ((rank = 0; rank < ranks; ++rank)); do echo "node$((rank / ranks_a_node))"; done > "$work/hosts"
# One core's work is what the skeleton says, not what this process takes; collectives as Open MPI chooses them.
smpirun -np "$ranks" -platform "$work/platform.xml" -hostfile "$work/hosts" \
    --cfg=smpi/simulate-computation:no --cfg=smpi/host-speed:1e9f --cfg=smpi/coll-selector:ompi \
    --cfg=smpi/bw-factor:"0:$share" --cfg=smpi/lat-factor:0:1 --cfg=smpi/shared-malloc:global --cfg=smpi/shared-malloc-blocksize:67108864 \
    --cfg=smpi/test:0 --cfg=smpi/grow-injected-times:no --cfg=smpi/display-timing:no --log=root.thres:warning --log=smpi_config.thres:error \
    "$build/lapatlas-skeleton" "$point" "$work/out.json" 2 "$thin" "$byte_cost" "$ranks_a_node" > "$work/log" 2>&1 || {
    tail -n 20 "$work/log" >&2
    exit 1
}
python3 - "$work/out.json" "$out" "$nodes" "$kind" "$where" << 'PYTHON'
import json
import sys

figures = json.load(open(sys.argv[1]))
figures["nodes"] = int(sys.argv[3])
figures["kind"] = sys.argv[4] or figures["kind"]
figures["where"] = sys.argv[5]
with open(sys.argv[2], "w") as file:
    json.dump(figures, file, indent=1)
print(f"{figures['ranks']} ranks: {figures['seconds']:.4g} s a step, work {figures['work_max']:.4g}, "
      f"halo wait {figures['halo_wait']:.3g}, gradient wait {figures['reduce_wait']:.3g} ({figures['kind']})")
PYTHON
