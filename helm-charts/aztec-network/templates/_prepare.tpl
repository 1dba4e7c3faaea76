{{/* Makes .Values what every template may count on, once; each template begins with it. Nothing is null: a null takes back
     what a weaker values file said. And what an older chart's values don't have is there (`helm upgrade --reuse-values`). */}}
{{- define "aztec-network.prepare" -}}
{{- if not (hasKey .Values "prepared") -}}
{{- include "aztec-network.dropNulls" .Values -}}
{{- include "aztec-network.fill" (dict "values" .Values "keys" (.Files.Get "defaults.json" | fromJson)) -}}
{{- $_ := set .Values "prepared" true -}}
{{- end -}}
{{- end -}}

{{/* Takes the nulls out of a map. */}}
{{- define "aztec-network.dropNulls" -}}
{{- $map := . -}}
{{- range $key, $value := $map -}}
{{- if kindIs "invalid" $value -}}{{- $_ := unset $map $key -}}
{{- else if kindIs "map" $value -}}{{- include "aztec-network.dropNulls" $value -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Puts in what is missing. Takes {values, keys}; keys as in defaults.json: {value} of a key, {keys, more} of a section. */}}
{{- define "aztec-network.fill" -}}
{{- range $name, $entry := .keys -}}
{{- $missing := not (hasKey $.values $name) -}}
{{- if hasKey $entry "value" -}}
{{- if $missing -}}{{- $_ := set $.values $name $entry.value -}}{{- end -}}
{{- else -}}
{{- if $missing -}}{{- $_ := set $.values $name $entry.more -}}{{- end -}}
{{- include "aztec-network.fill" (dict "values" (get $.values $name) "keys" $entry.keys) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A value as text. Numbers of Helm's are floats, which would become 1e+06. */}}
{{- define "aztec-network.text" -}}
{{- if kindIs "float64" . -}}{{- toJson . -}}{{- else -}}{{- toString . -}}{{- end -}}
{{- end -}}
