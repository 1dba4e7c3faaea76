{{/* Configuration of the collector, as JSON. Logs and traces are counted, and passed on where values say so. */}}
{{- define "aztec-network.collectorConfig" -}}
{{- $telemetry := .Values.telemetry -}}
{{- $forward := $telemetry.collector.forward -}}
{{- $on := $forward.endpoint | empty | ternary list (list "otlphttp/forward") -}}
{{- $exporters := dict "prometheus" (dict
  "endpoint" "0.0.0.0:8889"
  "metric_expiration" (printf "%ds" (mul 4 $telemetry.collectInterval))
  "resource_to_telemetry_conversion" (dict "enabled" true)) -}}
{{- if $forward.endpoint -}}
{{- $to := dict "endpoint" $forward.endpoint -}}
{{- if $forward.existingSecret -}}{{- $_ := set $to "headers" (dict "authorization" "${env:FORWARD_AUTHORIZATION}") -}}{{- end -}}
{{- $_ := set $exporters "otlphttp/forward" $to -}}
{{- end -}}
{{- $labels := list
  (dict "action" "upsert" "key" "network" "from_attribute" "service.namespace")
  (dict "action" "upsert" "key" "role" "from_attribute" "service.name")
  (dict "action" "upsert" "key" "pod" "from_attribute" "k8s.pod.name") -}}
{{- range list "service.name" "service.namespace" "service.version" "service.instance.id" "k8s.pod.name" "k8s.namespace.name"
  "aztec.node_role" "aztec.rollup_version" "aztec.rollup_address" "aztec.registry_address" -}}
{{- $labels = append $labels (dict "action" "delete" "key" .) -}}
{{- end -}}
{{- range list "^os\\..*" "^host\\..*" "^telemetry\\..*" -}}
{{- $labels = append $labels (dict "action" "delete" "pattern" .) -}}
{{- end -}}
{{- $taken := list "memory_limiter" "batch" -}}
{{- $config := dict
  "extensions" (dict "health_check" (dict "endpoint" "0.0.0.0:13133"))
  "receivers" (dict "otlp" (dict "protocols" (dict "http" (dict "endpoint" "0.0.0.0:4318"))))
  "processors" (dict
    "memory_limiter" (dict "check_interval" "1s" "limit_percentage" 75 "spike_limit_percentage" 20)
    "batch" dict
    "deltatocumulative" dict
    "resource/labels" (dict "attributes" $labels))
  "connectors" (dict "count" (dict
    "logs" (dict
      "aznet.log.records" (dict "description" "Log lines that arrived.")
      "aznet.log.warnings" (dict "description" "Of these, warnings." "conditions" (list "severity_number >= SEVERITY_NUMBER_WARN and severity_number < SEVERITY_NUMBER_ERROR"))
      "aznet.log.errors" (dict "description" "Of these, errors." "conditions" (list "severity_number >= SEVERITY_NUMBER_ERROR")))
    "spans" (dict "aznet.spans" (dict "description" "Spans of traces that arrived."))))
  "exporters" $exporters
  "service" (dict
    "extensions" (list "health_check")
    "telemetry" (dict
      "logs" (dict "level" "warn")
      "metrics" (dict "readers" (list (dict "pull" (dict "exporter" (dict "prometheus" (dict "host" "0.0.0.0" "port" 8888)))))))
    "pipelines" (dict
      "metrics" (dict "receivers" (list "otlp") "processors" (list "memory_limiter" "resource/labels") "exporters" (list "prometheus"))
      "metrics/counts" (dict "receivers" (list "count") "processors" (list "deltatocumulative" "resource/labels") "exporters" (list "prometheus"))
      "logs" (dict "receivers" (list "otlp") "processors" $taken "exporters" (prepend $on "count"))
      "traces" (dict "receivers" (list "otlp") "processors" $taken "exporters" (prepend $on "count")))) -}}
{{- if $on -}}
{{- $_ := set $config.service.pipelines "metrics/forward" (dict "receivers" (list "otlp") "processors" $taken "exporters" $on) -}}
{{- end -}}
{{- $config | toJson -}}
{{- end -}}
