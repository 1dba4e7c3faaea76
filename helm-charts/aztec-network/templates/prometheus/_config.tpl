{{/* Configuration of Prometheus, as YAML. */}}
{{- define "aztec-network.prometheusConfig" -}}
{{- $telemetry := .Values.telemetry -}}
global:
  scrape_interval: {{ $telemetry.collectInterval }}s
  evaluation_interval: {{ $telemetry.collectInterval }}s
rule_files: [/etc/prometheus/rules/*.yaml]
{{- with $telemetry.prometheus.alertmanagers }}
alerting:
  alertmanagers:
    - static_configs:
        - targets: {{ toJson . }}
{{- end }}
scrape_configs:
  # What the nodes pushed: its labels are network, role and pod.
  - job_name: nodes
    static_configs:
      - targets: [otel-collector:8889]
    metric_relabel_configs:
      - {regex: otel_scope_(schema_url|version), action: labeldrop}
  - job_name: otel-collector
    static_configs:
      - targets: [otel-collector:8888]
        labels: {network: {{ .Release.Name }}}
  - job_name: prometheus
    static_configs:
      - targets: [localhost:9090]
        labels: {network: {{ .Release.Name }}}
{{- end -}}

{{/* All files that Prometheus reads, as JSON. */}}
{{- define "aztec-network.prometheusFiles" -}}
{{- $files := dict "prometheus.yaml" (include "aztec-network.prometheusConfig" .) "aztec.yaml" (include "aztec-network.rules" .) -}}
{{- range $name, $rules := .Values.telemetry.prometheus.rules -}}
{{- $_ := set $files (printf "%s.yaml" $name) (toYaml $rules) -}}
{{- end -}}
{{- $files | toJson -}}
{{- end -}}

{{/* Bytes of a quantity such as 5Gi. */}}
{{- define "aztec-network.bytes" -}}
{{- $text := toString . -}}
{{- $units := dict "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000
  "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- $unit := get $units (regexFind "[A-Za-z]+$" $text) | default 1 -}}
{{- mulf (regexFind "^[0-9.]+" $text | float64) (float64 $unit) | int64 -}}
{{- end -}}

{{/* Megabytes of samples that fit on the volume, its log and a compaction aside. */}}
{{- define "aztec-network.prometheusRoom" -}}
{{- printf "%dMB" (div (mul 7 (include "aztec-network.bytes" .size | int64)) 10000000) -}}
{{- end -}}
