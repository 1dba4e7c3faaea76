{{/* Experiments that Chaos Mesh can do each by itself, by name, as JSON. */}}
{{- define "aztec-chaos.ofMesh" -}}
{{- $found := dict -}}
{{- $steps := (include "aztec-chaos.sequences" . | fromJson).steps -}}
{{- range $name, $experiment := include "aztec-chaos.experiments" . | fromJson -}}
{{- if not (or (has $name $steps) (include "aztec-chaos.needsAznet" $experiment)) -}}
{{- $_ := set $found $name $experiment -}}
{{- end -}}
{{- end -}}
{{- $found | toJson -}}
{{- end -}}

{{/* Experiments that `aznet` carries out, by name, as JSON, with those that come before or after them in a sequence. */}}
{{- define "aztec-chaos.ofAznet" -}}
{{- $found := dict -}}
{{- $all := include "aztec-chaos.experiments" . | fromJson -}}
{{- $sequences := include "aztec-chaos.sequences" . | fromJson -}}
{{- range $name, $experiment := $all -}}
{{- if and (not (has $name $sequences.steps)) (include "aztec-chaos.needsAznet" $experiment) -}}
{{- $_ := set $found $name $experiment -}}
{{- end -}}
{{- end -}}
{{- range $sequences.ofAznet -}}
{{- range .steps -}}
{{- $_ := set $found . (get $all .) -}}
{{- end -}}
{{- end -}}
{{- $found | toJson -}}
{{- end -}}

{{/* Whether neither Helm nor Chaos Mesh can do an experiment: faults of the protocol and of the L1, and those whose times or
     whose pods only the protocol tells. */}}
{{- define "aztec-chaos.needsAznet" -}}
{{- $target := (.network | default dict).target | default dict -}}
{{- $pods := .pods | default dict -}}
{{- if or .protocol .l1 .when (regexMatch " (slot|epoch)s?$" (.duration | default "")) $pods.proposer $pods.committee $target.proposer $target.committee -}}
true
{{- end -}}
{{- end -}}

{{/* Sequences, as JSON: those that Chaos Mesh can do, those that `aznet` does, and the steps of all. */}}
{{- define "aztec-chaos.sequences" -}}
{{- $all := include "aztec-chaos.experiments" . | fromJson -}}
{{- $mesh := dict -}}{{- $aznet := dict -}}{{- $steps := list -}}
{{- range $name, $sequence := .Values.sequences -}}
{{- if $sequence -}}
{{- $needs := false -}}
{{- range $step := $sequence.steps -}}
{{- if not (hasKey $all $step) -}}
{{- fail (printf "sequences.%s.steps: %s is no experiment; there are %s" $name $step (join ", " (keys $all | sortAlpha))) -}}
{{- end -}}
{{- if include "aztec-chaos.needsAznet" (get $all $step) -}}{{- $needs = true -}}{{- end -}}
{{- $steps = append $steps $step -}}
{{- end -}}
{{- $_ := set (ternary $aznet $mesh $needs) $name $sequence -}}
{{- end -}}
{{- end -}}
{{- dict "ofMesh" $mesh "ofAznet" $aznet "steps" $steps | toJson -}}
{{- end -}}

{{/* The key that a kind's specification is under in another object. */}}
{{- define "aztec-chaos.embedded" -}}
{{- $short := trimSuffix "Chaos" . -}}
{{- if eq $short (upper $short) -}}{{- lower $short -}}{{- else -}}{{- untitle $short -}}{{- end -}}Chaos
{{- end -}}
