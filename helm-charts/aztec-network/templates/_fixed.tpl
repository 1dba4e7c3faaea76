{{/* Refuses an upgrade that changes what is fixed for the network's whole life. The configuration before is the one in the
     cluster: `helm template` sees none, and refuses nothing. */}}
{{- define "aztec-network.refuseFixedChanges" -}}
{{- $live := dict -}}
{{- if and .Release.IsUpgrade (ne (toString .Values.network.refuseFixedChanges) "false") -}}
{{- $live = lookup "v1" "ConfigMap" .Release.Namespace "network-config" | default dict -}}
{{- end -}}
{{- if eq (dig "metadata" "labels" "app.kubernetes.io/instance" "" $live) .Release.Name -}}
{{- $before := get $live.data "network.json" | fromJson -}}
{{- $after := include "aztec-network.config" . | fromJson -}}
{{- $holds := dict "always" true
  "deployed" (empty $before.registryAddress)
  "anvil" (and $before.l1.anvil $after.l1.anvil) -}}
{{- $problems := list -}}
{{- range $rule := .Files.Get "fixed.json" | fromJsonArray -}}
{{- range $key := get $holds $rule.when | ternary $rule.keys list -}}
{{- $from := include "aztec-network.at" (dict "map" $before "path" $key.config) -}}
{{- $to := include "aztec-network.at" (dict "map" $after "path" $key.config) -}}
{{- if and $from (ne $from $to) -}}
{{- $problems = append $problems (printf "%s %s → %s: %s" $key.values $from $to $rule.why) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $problems -}}
{{- fail (printf "\n\nrefused for the running network (network.refuseFixedChanges):\n- %s\n" (join "\n- " $problems)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What a map has at a dotted path, as JSON; empty where it has nothing there. */}}
{{- define "aztec-network.at" -}}
{{- $here := .map -}}
{{- $found := true -}}
{{- range splitList "." .path -}}
{{- if and $found (kindIs "map" $here) (hasKey $here .) -}}
{{- $here = get $here . -}}
{{- else -}}
{{- $found = false -}}
{{- end -}}
{{- end -}}
{{- if $found -}}{{- $here | toJson -}}{{- end -}}
{{- end -}}
