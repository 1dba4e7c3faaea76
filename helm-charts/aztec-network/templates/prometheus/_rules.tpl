{{/* Recording and alert rules, as YAML. Windows are slots and epochs of the network, but never shorter than eight collections. */}}
{{- define "aztec-network.rules" -}}
{{- $network := .Values.network -}}
{{- $interval := int64 .Values.telemetry.collectInterval -}}
{{- $floor := mul 8 $interval -}}
{{- $slot := int64 $network.slotDuration -}}
{{- $epoch := mul $slot $network.epochDuration -}}
groups:
  - name: aztec.records
    rules:
      - record: network:aztec_checkpoint_height:max
        expr: max by (network) (aztec_archiver_checkpoint_height{aztec_status=""})
      - record: network:aztec_proven_checkpoint_height:max
        expr: max by (network) (aztec_archiver_checkpoint_height{aztec_status="proven"})
      - record: network_role:aztec_nodes:count
        expr: count by (network, role) (process_memory_usage)
      - record: pod:aztec_databases:bytes
        expr: >-
          sum by (network, role, pod) (aztec_db_physical_file_size_bytes)
          + sum by (network, role, pod) (aztec_world_state_db_physical_size_bytes)
          or sum by (network, role, pod) (aztec_db_physical_file_size_bytes)
      {{- include "aztec-network.expectations" . | nindent 6 }}
  - name: aztec.chain
    rules:
      {{- include "aztec-network.chainAlerts" (dict "checkpoints" (max $floor (mul 6 $slot)) "proofs" (max $floor (div (mul 3 $epoch) 2)) "root" .) | nindent 6 }}
  - name: aztec.nodes
    rules:
      {{- include "aztec-network.nodeAlerts" (dict "window" (max $floor (mul 2 $epoch)) "root" .) | nindent 6 }}
{{- end -}}

{{/* What values say that there is, to hold against what arrives. */}}
{{- define "aztec-network.expectations" -}}
{{- $root := . -}}
{{- $roles := dict "boot-node" .Values.bootNode "full-node" .Values.fullNode "validator" .Values.validator "pxe" .Values.pxe
  "prover-node" .Values.proverNode "prover-broker" .Values.proverBroker "prover-agent" .Values.proverAgent "bot" .Values.bot -}}
{{- range $role, $values := $roles -}}
{{- $settings := include "aztec-network.settings" (dict "root" $root "values" $values) | fromJson -}}
{{- if gt (int $values.replicas) 0 }}
- record: network_role:aztec_nodes:expected
  expr: vector({{ int $values.replicas }})
  labels: {network: {{ $root.Release.Name }}, role: {{ $role }}}
{{- if and $settings.storage.enabled (not (has $role (list "prover-agent" "bot"))) }}
- record: network_role:aztec_volume:bytes
  expr: vector({{ include "aztec-network.bytes" $settings.storage.size }})
  labels: {network: {{ $root.Release.Name }}, role: {{ $role }}}
{{- end }}
{{- end }}
{{- end -}}
{{- end -}}

{{/* Takes {root, checkpoints, proofs}: windows in seconds. */}}
{{- define "aztec-network.chainAlerts" -}}
- alert: AztecNoNewCheckpoint
  expr: changes(network:aztec_checkpoint_height:max[{{ .checkpoints }}s]) == 0
  for: {{ .root.Values.telemetry.collectInterval }}s
  labels: {severity: critical}
  annotations:
    summary: 'Network {{ "{{ $labels.network }}" }} has made no checkpoint for {{ .checkpoints }} s'
    description: Fewer than a quorum of the committee attests, or no proposer reaches the L1. Look at the dashboard Validators.
- alert: AztecNoProof
  expr: changes(network:aztec_proven_checkpoint_height:max[{{ .proofs }}s]) == 0 or network:aztec_checkpoint_height:max unless on (network) network:aztec_proven_checkpoint_height:max
  for: {{ .proofs }}s
  labels: {severity: critical}
  annotations:
    summary: 'No proof of network {{ "{{ $labels.network }}" }} has reached the L1 for {{ .proofs }} s'
    description: Checkpoints that are not proven within {{ .root.Values.network.proofSubmissionEpochs }} epoch(s) are pruned. Look at the dashboard Provers.
- alert: AztecPruned
  expr: max by (network) (increase(aztec_archiver_prune_count[10m])) > 0
  labels: {severity: critical}
  annotations:
    summary: 'Checkpoints of network {{ "{{ $labels.network }}" }} were pruned'
    description: A proof came too late, or a checkpoint was invalid. Transactions in it went back to the pool.
{{- if gt (int .root.Values.proverAgent.replicas) 0 }}
- alert: AztecNoProverAgents
  expr: network_role:aztec_nodes:expected{role="prover-agent"} unless on (network) network_role:aztec_nodes:count{role="prover-agent"}
  for: 2m
  labels: {severity: critical}
  annotations:
    summary: 'No prover agent of network {{ "{{ $labels.network }}" }} is alive'
    description: Proving jobs wait in the broker.
{{- end }}
{{- end -}}

{{/* Takes {root, window}: a window of a few epochs, in seconds. */}}
{{- define "aztec-network.nodeAlerts" -}}
{{- $alerts := .root.Values.telemetry.prometheus.alerts -}}
{{- $validators := max 1 (mul .root.Values.validator.replicas .root.Values.validator.keysPerReplica) -}}
{{- $turns := add 1 (div $validators (max 1 .root.Values.network.committeeSize)) -}}
{{- $window := mul .window $turns -}}
- alert: AztecNodeSilent
  expr: network_role:aztec_nodes:expected - on (network, role) (network_role:aztec_nodes:count or network_role:aztec_nodes:expected * 0) > 0
  for: 3m
  labels: {severity: warning}
  annotations:
    summary: '{{ "{{ $value }} pod(s) of role {{ $labels.role }}" }} push nothing'
    description: They are down, or can't reach the collector.
- alert: AztecValidatorMissesAttestations
  expr: sum by (network, pod) (increase(aztec_validator_attestation_success_count[{{ $window }}s])) == 0 and on (network) changes(network:aztec_checkpoint_height:max[{{ $window }}s]) > 0
  for: {{ .window }}s
  labels: {severity: warning}
  annotations:
    summary: 'Validator {{ "{{ $labels.pod }}" }} has attested to nothing for {{ $window }} s while the network goes on'
    description: It is not in sync, or not in the committee for longer than is likely.
- alert: AztecAttestationsFail
  expr: sum by (network, pod, aztec_error_type) (increase(aztec_validator_attestation_failed_node_issue_count{aztec_is_committee_member="true"}[{{ .window }}s])) > 0
  labels: {severity: warning}
  annotations:
    summary: 'Validator {{ "{{ $labels.pod }} could not attest: {{ $labels.aztec_error_type }}" }}'
    description: The cause is the node's own, such as transactions that it could not get.
- alert: AztecL1BalanceLow
  expr: min by (network, pod, aztec_l1_sender) (aztec_l1_balance_eth) < {{ $alerts.l1BalanceEth }}
  for: {{ mul 2 .root.Values.telemetry.collectInterval }}s
  labels: {severity: critical}
  annotations:
    summary: 'Account {{ "{{ $labels.aztec_l1_sender }} of {{ $labels.pod }} has {{ $value }} ETH left" }}'
    description: Without money on L1 it can't publish.
- alert: AztecVolumeFillsUp
  expr: 100 * pod:aztec_databases:bytes / on (network, role) group_left network_role:aztec_volume:bytes > {{ $alerts.diskPercent }}
  for: 5m
  labels: {severity: warning}
  annotations:
    summary: 'The databases of {{ "{{ $labels.pod }} take {{ printf \"%.0f\" $value }} % of its volume" }}'
    description: Enlarge the volume before it is full.
- alert: AztecNodeOverloaded
  expr: max by (network, pod) (nodejs_eventloop_utilization) > 0.9
  for: 10m
  labels: {severity: warning}
  annotations:
    summary: '{{ "{{ $labels.pod }}" }} has no processor time left'
    description: Its event loop is never idle, so that it answers late.
- alert: AztecTelemetryDown
  expr: up == 0
  for: 2m
  labels: {severity: warning}
  annotations:
    summary: 'Prometheus can''t reach {{ "{{ $labels.job }}" }}'
    description: Without it the other alerts are blind.
{{- end -}}
