#!/bin/sh
# Runs a cluster of three on this machine with an OpenTelemetry Collector and a Prometheus beside it; arguments go to troupe dev. Ctrl-C ends all.
# PROMETHEUS names another Prometheus than the one that task observe:tools builds, which has an API and no pages.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$root/data/observe"
"$root/.task/bin/collector" --config "$root/deploy/observability/collector.yaml" >"$root/data/observe/collector.log" 2>&1 &
collector=$!
"${PROMETHEUS:-$root/.task/bin/prometheus}" --config.file="$root/deploy/observability/prometheus.yml" --storage.tsdb.path="$root/data/observe/prometheus" \
	--web.listen-address=127.0.0.1:9090 >"$root/data/observe/prometheus.log" 2>&1 &
prometheus=$!
trap 'kill $collector $prometheus 2>/dev/null; wait' EXIT
trap '' INT # troupe dev hands leaderships over first
cat <<TEXT
  status      http://127.0.0.1:9094/statusz (nodes 2 and 3: 9104, 9114), metrics at /metrics
  Prometheus  http://127.0.0.1:9090, alerts at /api/v1/alerts; to ask it: .task/bin/promtool query instant http://127.0.0.1:9090 troupe_nodes_up
  traces      data/observe/collector.log, as the collector gets them at http://127.0.0.1:4317; one batch in a hundred is traced
  Grafana     import deploy/observability/dashboards/*.json with the data source http://127.0.0.1:9090
TEXT
"$root/bin/troupe" dev --set otlp.endpoint=http://127.0.0.1:4317 --set trace.ratio=0.01 "$@" || true
