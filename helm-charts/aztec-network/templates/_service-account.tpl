{{/* The ServiceAccount of a workload's pods; groups of a role share the role's. Takes {role, settings}. */}}
{{- define "aztec-network.serviceAccountName" -}}
{{- $account := .settings.serviceAccount | default dict -}}
{{- $account.name | default (eq (toString $account.create) "false" | ternary "default" .role) -}}
{{- end -}}

{{/* The ServiceAccounts that the chart makes, by name, as JSON: {role, annotations}, those of all that share the name. */}}
{{- define "aztec-network.serviceAccounts" -}}
{{- $root := . -}}
{{- $v := .Values -}}
{{- $workloads := include "aztec-network.policyWorkloads" . | fromJsonArray -}}
{{- if $v.l1.anvil.enabled -}}{{- $workloads = append $workloads (dict "component" "anvil" "values" $v.l1.anvil) -}}{{- end -}}
{{- if include "aztec-network.ownBlobStore" . -}}{{- $workloads = append $workloads (dict "component" "blob-store" "values" $v.blobStore) -}}{{- end -}}
{{- if include "aztec-network.ownCollector" . -}}{{- $workloads = append $workloads (dict "component" "otel-collector" "values" $v.telemetry.collector) -}}{{- end -}}
{{- if include "aztec-network.ownPrometheus" . -}}{{- $workloads = append $workloads (dict "component" "prometheus" "values" $v.telemetry.prometheus) -}}{{- end -}}
{{- if include "aztec-network.ownGrafana" . -}}{{- $workloads = append $workloads (dict "component" "grafana" "values" $v.telemetry.grafana) -}}{{- end -}}
{{- $all := dict -}}
{{- range $workloads -}}
{{- $settings := include "aztec-network.settings" (dict "root" $root "values" .values) | fromJson -}}
{{- $account := $settings.serviceAccount | default dict -}}
{{- if ne (toString $account.create) "false" -}}
{{- $name := include "aztec-network.serviceAccountName" (dict "role" .component "settings" $settings) -}}
{{- $before := get $all $name | default dict -}}
{{- $annotations := merge ($before.annotations | default dict) ($account.annotations | default dict) -}}
{{- $_ := set $all $name (dict "role" (eq $name .component | ternary $name "network") "annotations" $annotations) -}}
{{- end -}}
{{- end -}}
{{- $all | toJson -}}
{{- end -}}
