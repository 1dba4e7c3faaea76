{{/* Of which of Aztec's releases an image is: by its tag, else network.release; empty: unknown, or the two differ. A tag that
     is no version says nothing. Takes {root, image}. */}}
{{- define "aztec-network.releaseOf" -}}
{{- $known := list -}}
{{- $usual := "" -}}
{{- range .root.Files.Get "releases.json" | fromJsonArray -}}
{{- $known = append $known .name -}}
{{- if .takenForUnnamed -}}{{- $usual = .name -}}{{- end -}}
{{- end -}}
{{- $said := .root.Values.network.release | default "" -}}
{{- $tag := regexFind ":[^:/]+$" (splitList "@" .image | first) | trimPrefix ":" -}}
{{- $line := "" -}}
{{- if regexMatch "^v?(0|[1-9][0-9]{0,3})([.](0|[1-9][0-9]{0,3})){1,2}(-.*)?$" $tag -}}
{{- $line = regexFind "[0-9]+[.][0-9]+" $tag -}}
{{- end -}}
{{- if has $line $known -}}
{{- if or (not $said) (eq $said $line) -}}{{ $line }}{{- end -}}
{{- else if or $said (and $tag (not $line)) -}}
{{- $said | default $usual -}}
{{- end -}}
{{- end -}}

{{/* The release that the network runs; empty: unknown. */}}
{{- define "aztec-network.release" -}}
{{- include "aztec-network.releaseOf" (dict "root" . "image" .Values.images.aztec.image) -}}
{{- end -}}

{{/* What the chart must know of that release, as JSON. */}}
{{- define "aztec-network.profile" -}}
{{- $name := include "aztec-network.release" . -}}
{{- $profile := dict -}}
{{- range .Files.Get "releases.json" | fromJsonArray -}}
{{- if eq .name $name -}}{{- $profile = . -}}{{- end -}}
{{- end -}}
{{- $profile | toJson -}}
{{- end -}}

{{/* Images of no known release, or of two, and what a release lacks, as JSON. */}}
{{- define "aztec-network.releaseProblems" -}}
{{- $root := . -}}
{{- $problems := list -}}
{{- $release := include "aztec-network.release" . -}}
{{- if not $release -}}
{{- $problems = append $problems (printf "images.aztec.image is %s: its tag names no known release, or not that of network.release (%q)" .Values.images.aztec.image .Values.network.release) -}}
{{- else -}}
{{- $workloads := include "aztec-network.nodes" . | fromJson -}}
{{- range $name, $values := dict "prover-broker" .Values.proverBroker "prover-agent" .Values.proverAgent "bot" .Values.bot -}}
{{- $_ := set $workloads $name (dict "values" $values) -}}
{{- end -}}
{{- range $name, $workload := $workloads -}}
{{- $image := (include "aztec-network.settings" (dict "root" $root "values" $workload.values) | fromJson).image -}}
{{- if and $image (gt (int $workload.values.replicas) 0) (ne (include "aztec-network.releaseOf" (dict "root" $root "image" $image)) $release) -}}
{{- $problems = append $problems (printf "%s has image %s: a network's images must be of one release, here %s" $name $image $release) -}}
{{- end -}}
{{- end -}}
{{- if and (gt (int .Values.pxe.replicas) 0) (not (include "aztec-network.profile" . | fromJson).wallet) -}}
{{- $problems = append $problems (printf "pxe.replicas is set with Aztec %s, for which there is no image of the wallet server: set it to 0" $release) -}}
{{- end -}}
{{- end -}}
{{- $problems | toJson -}}
{{- end -}}
