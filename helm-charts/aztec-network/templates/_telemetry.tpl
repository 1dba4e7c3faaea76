{{/* true where the chart runs the collector itself. */}}
{{- define "aztec-network.ownCollector" -}}
{{- if and .Values.telemetry.enabled (not .Values.telemetry.collector.endpoint) -}}true{{- end -}}
{{- end -}}

{{- define "aztec-network.ownPrometheus" -}}
{{- if and (include "aztec-network.ownCollector" .) .Values.telemetry.prometheus.enabled -}}true{{- end -}}
{{- end -}}

{{- define "aztec-network.ownGrafana" -}}
{{- if and (include "aztec-network.ownPrometheus" .) .Values.telemetry.grafana.enabled -}}true{{- end -}}
{{- end -}}

{{/* Name of the Secret with the administrator of Grafana. */}}
{{- define "aztec-network.grafanaSecret" -}}
{{ .Values.telemetry.grafana.existingSecret | default "grafana" }}
{{- end -}}

{{/* What makes an Aztec process push, by environment variable, as JSON. Takes {root, role}. */}}
{{- define "aztec-network.telemetryEnv" -}}
{{- $telemetry := .root.Values.telemetry -}}
{{- $env := dict -}}
{{- if $telemetry.enabled -}}
{{- $url := $telemetry.collector.endpoint | default "http://otel-collector:4318" | trimSuffix "/" -}}
{{- $interval := mul 1000 $telemetry.collectInterval -}}
{{- $who := list
  (printf "service.name=%s" .role)
  (printf "service.namespace=%s" .root.Release.Name)
  "k8s.pod.name=$(POD_NAME)"
  "k8s.namespace.name=$(POD_NAMESPACE)" -}}
{{- $env = dict
  "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT" (printf "%s/v1/metrics" $url)
  "OTEL_RESOURCE_ATTRIBUTES" (join "," $who)
  "OTEL_COLLECT_INTERVAL_MS" $interval
  "OTEL_EXPORT_TIMEOUT_MS" $interval -}}
{{- if $telemetry.logs -}}{{- $_ := set $env "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT" (printf "%s/v1/logs" $url) -}}{{- end -}}
{{- if $telemetry.traces -}}{{- $_ := set $env "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" (printf "%s/v1/traces" $url) -}}{{- end -}}
{{- with $telemetry.excludeMetrics -}}{{- $_ := set $env "OTEL_EXCLUDE_METRICS" (join "," .) -}}{{- end -}}
{{- end -}}
{{- $env | toJson -}}
{{- end -}}

{{/* Pod of a program that aznet-node does not set up. Takes {root, role, values, image} and
     `port` and `path`: how to probe it; `container`: the rest of the
     container, `volumes`: its volumes, both as YAML; `checksum`: text that it must be restarted for, if there is any. */}}
{{- define "aztec-network.telemetryPod" -}}
{{- $settings := include "aztec-network.settings" . | fromJson -}}
metadata:
  labels:
    {{- include "aztec-network.selectorLabels" . | nindent 4 }}
    {{- with $settings.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- $annotations := $settings.podAnnotations | default dict -}}
  {{- with .checksum -}}{{- $annotations = merge (dict "aznet.dev/config-checksum" (sha256sum .)) $annotations -}}{{- end }}
  {{- with $annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "aztec-network.serviceAccountName" (merge (dict "settings" $settings) .) | toYaml }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- if hasKey $settings "terminationGracePeriodSeconds" }}
  terminationGracePeriodSeconds: {{ int $settings.terminationGracePeriodSeconds }}
  {{- end }}
  securityContext:
    {{- include "aztec-network.podSecurityContext" . | nindent 4 }}
  {{- with include "aztec-network.scheduling" (dict "root" .root "settings" $settings) | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  containers:
    - name: {{ .role }}
      image: {{ $settings.image | default .image.image | quote }}
      imagePullPolicy: {{ .image.pullPolicy }}
      {{- .container | nindent 6 }}
      {{- $check := dict "httpGet" (dict "path" .path "port" .port) }}
      {{- include "aztec-network.probes" (dict "probes" $settings.probes "check" $check) | trim | nindent 6 }}
      securityContext:
        {{- include "aztec-network.securityContext" . | nindent 8 }}
      resources:
        {{- toYaml $settings.resources | nindent 8 }}
  volumes:
    {{- .volumes | nindent 4 }}
{{- end -}}

{{/* Arguments and variables that values add, as YAML. Takes {settings, args, env}: env is a list of Kubernetes' entries. */}}
{{- define "aztec-network.telemetryArgs" -}}
{{- with concat (.args | default list) (.settings.args | default list) }}
args:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- $env := .env | default list -}}
{{- range $name, $value := .settings.env -}}
{{- $env = append $env (dict "name" $name "value" (include "aztec-network.text" $value)) -}}
{{- end -}}
{{- with $env }}
env:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The data volume of a Deployment. Takes {role, storage}. */}}
{{- define "aztec-network.telemetryData" -}}
- name: data
  {{- if .storage.enabled }}
  persistentVolumeClaim:
    claimName: {{ .role }}
  {{- else }}
  emptyDir: {{ include "aztec-network.emptyDir" .storage }}
  {{- end }}
{{- end -}}
