{{/* Labels that select the release's pods, of the given components if any. Takes {root, components}. */}}
{{- define "aztec-network.policyPods" -}}
matchLabels:
  app.kubernetes.io/name: aztec-network
  app.kubernetes.io/instance: {{ .root.Release.Name | toYaml }}
{{- with .components }}
matchExpressions:
  - {key: app.kubernetes.io/component, operator: In, values: {{ . | sortAlpha | toJson }}}
{{- end }}
{{- end -}}

{{/* Peers outside of the release, as list items. Takes {cidrs, except, namespaces}. */}}
{{- define "aztec-network.policyPeers" -}}
{{- $except := .except | default dict -}}
{{- range $cidr := .cidrs | default dict | values | sortAlpha }}
- ipBlock:
    cidr: {{ $cidr | quote }}
    {{- $within := list -}}
    {{- range $except | values | sortAlpha }}
    {{- /* An exception must be of the same family, and smaller than the range. */}}
    {{- if and (eq (contains ":" .) (contains ":" $cidr)) (ne . $cidr) (hasSuffix "/0" $cidr) }}{{- $within = append $within . -}}{{- end }}
    {{- end }}
    {{- with $within }}
    except: {{ . | toJson }}
    {{- end }}
{{- end }}
{{- range $name, $labels := .namespaces | default dict }}
- namespaceSelector:
    matchLabels:
      {{- toYaml $labels | nindent 6 }}
{{- end }}
{{- end -}}

{{/* Ports as list items; p2p is spoken over UDP too. Takes {ports, port}. */}}
{{- define "aztec-network.policyPortList" -}}
{{- range $number := .ports | uniq }}
- {protocol: TCP, port: {{ int $number }}}
{{- if eq $.port "p2p" }}
- {protocol: UDP, port: {{ int $number }}}
{{- end }}
{{- end }}
{{- end -}}

{{/* Ingress rules of a component, as list items. Takes {root, component, own, flows}. */}}
{{- define "aztec-network.policyIngress" -}}
{{- $peers := .root.Values.networkPolicy.ingress -}}
{{- $outside := pick $peers "l1" "blobs" "p2p" "admin" "dashboards" -}}
{{- $open := include "aztec-network.openPorts" . | fromJsonArray -}}
{{- if has .component (list "boot-node" "full-node" "pxe") -}}{{- $_ := set $outside "rpc" $peers.rpc -}}{{- end -}}
{{- range $name, $ports := .own -}}
{{- $from := list -}}
{{- range $flow := $.flows -}}
{{- if and (eq $flow.to $.component) (eq $flow.port $name) -}}{{- $from = concat $from $flow.from -}}{{- end -}}
{{- end -}}
{{- $others := include "aztec-network.policyPeers" (get $outside $name | default dict) | trim -}}
{{- if has $name $open }}
- ports:
    {{- include "aztec-network.policyPortList" (dict "ports" $ports "port" $name) | trim | nindent 4 }}
{{- else if or $from $others }}
- from:
    {{- with $from }}
    - podSelector:
        {{- include "aztec-network.policyPods" (dict "root" $.root "components" .) | nindent 8 }}
    {{- end }}
    {{- with $others }}
    {{- . | nindent 4 }}
    {{- end }}
  ports:
    {{- include "aztec-network.policyPortList" (dict "ports" $ports "port" $name) | trim | nindent 4 }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Egress rules of a component, as list items. Takes {root, component, ports, flows}. */}}
{{- define "aztec-network.policyEgress" -}}
{{- $rules := dict -}}
{{- range $flow := .flows -}}
{{- $ports := get (get $.ports $flow.to | default dict) $flow.port -}}
{{- if and $ports (has $.component $flow.from) -}}
{{- $list := include "aztec-network.policyPortList" (dict "ports" $ports "port" $flow.port) | trim -}}
{{- $_ := set $rules $list (append (get $rules $list | default list) $flow.to) -}}
{{- end -}}
{{- end -}}
{{- range $ports, $components := $rules }}
- to:
    - podSelector:
        {{- include "aztec-network.policyPods" (dict "root" $.root "components" $components) | nindent 8 }}
  ports:
    {{- $ports | nindent 4 }}
{{- end }}
{{- if eq .component "soak" }}
{{- $api := .root.Values.networkPolicy.egress.apiServer }}
- to:
    {{- include "aztec-network.policyPeers" (dict "cidrs" $api.cidrs) | trim | nindent 4 }}
  ports:
    {{- range $api.ports | values | uniq | sortAlpha }}
    - {protocol: TCP, port: {{ . | int }}}
    {{- end }}
{{- end }}
{{- if include "aztec-network.needsOutside" . }}
{{- with include "aztec-network.policyPeers" .root.Values.networkPolicy.egress.outside | trim }}
- to:
    {{- . | nindent 4 }}
{{- end }}
{{- end }}
{{- end -}}
