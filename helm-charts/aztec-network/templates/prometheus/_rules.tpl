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
      # Groups of validators share a role, and each may have volumes of its own size.
      - record: pod:aztec_volume_used:ratio
        expr: >-
          label_replace(pod:aztec_databases:bytes, "workload", "$1", "pod", "(.+)-[0-9]+")
          / on (network, workload) group_left network_workload:aztec_volume:bytes
      {{- include "aztec-network.expectations" . | trim | nindent 6 }}
  - name: aztec.chain
    rules:
      {{- include "aztec-network.chainAlerts" (dict "checkpoints" (max $floor (mul 6 $slot)) "proofs" (max $floor (div (mul 3 $epoch) 2)) "epoch" $epoch "root" .) | nindent 6 }}
  - name: aztec.nodes
    rules:
      {{- include "aztec-network.nodeAlerts" . | nindent 6 }}
  - name: aztec.validators
    rules:
      {{- include "aztec-network.validatorAlerts" (dict "floor" $floor "epoch" $epoch "root" .) | nindent 6 }}
{{- end -}}

{{/* What the values ask for, to compare with what arrives. A group of validators has the role of all. */}}
{{- define "aztec-network.expectations" -}}
{{- $root := . -}}
{{- $stateless := list "prover-agent" "bot" -}}
{{- $workloads := include "aztec-network.nodes" . | fromJson -}}
{{- range $role, $values := dict "pxe" .Values.pxe "prover-broker" .Values.proverBroker "prover-agent" .Values.proverAgent "bot" .Values.bot -}}
{{- $_ := set $workloads $role (dict "role" $role "values" $values) -}}
{{- end -}}
{{- $replicas := dict -}}
{{- range $name, $one := $workloads -}}
{{- $_ := set $replicas $one.role (add (get $replicas $one.role | default 0) (int $one.values.replicas)) -}}
{{- end -}}
{{- range $role, $count := $replicas -}}
{{- if gt $count 0 }}
- record: network_role:aztec_nodes:expected
  expr: vector({{ $count }})
  labels: {network: {{ $root.Release.Name }}, role: {{ $role }}}
{{- end }}
{{- end -}}
{{- range $name, $one := $workloads -}}
{{- $storage := (include "aztec-network.settings" (dict "root" $root "values" $one.values) | fromJson).storage -}}
{{- if and (gt (int $one.values.replicas) 0) $storage.enabled (not (has $one.role $stateless)) }}
- record: network_workload:aztec_volume:bytes
  expr: vector({{ include "aztec-network.bytes" $storage.size }})
  labels: {network: {{ $root.Release.Name }}, workload: {{ $name }}}
{{- end }}
{{- end -}}
{{- end -}}

{{/* Takes {root, checkpoints, proofs, epoch}: windows in seconds. */}}
{{- define "aztec-network.chainAlerts" -}}
{{- $network := .root.Values.network -}}
{{- $sequencer := .root.Values.validator.sequencer -}}
{{- $idles := or (gt (int $sequencer.minTxsPerBlock) 0) (not $sequencer.buildCheckpointIfEmpty) -}}
{{- $waiting := printf `max by (network) (min_over_time(aztec_mempool_tx_count{aztec_status="pending"}[%ds])) > 0` (int64 .checkpoints) -}}
- alert: AztecNoNewCheckpoint
  expr: >-
    changes(network:aztec_checkpoint_height:max[{{ .checkpoints }}s]) == 0
    {{- /* A height that is younger than the window has not stood still for as long. */}}
    and on (network) network:aztec_checkpoint_height:max offset {{ .checkpoints }}s
    {{- /* Validators that make no empty blocks rest while there is nothing to do. */}}
    {{- if $idles }}
    and on (network) {{ $waiting }}
    {{- end }}
  for: {{ .root.Values.telemetry.collectInterval }}s
  labels: {severity: critical}
  annotations:
    runbook_url: docs/guide/runbook.md#aztecnonewcheckpoint
    summary: 'Network {{ "{{ $labels.network }}" }} has made no checkpoint for {{ .checkpoints }} s'
    description: Fewer than a quorum of the committee attests, or no proposer reaches the L1. Look at the dashboard Validators.
{{- if not $network.registryAddress }}
{{- /* Height is known from the first checkpoint on, and again from the first after all nodes restarted. */}}
{{- $lag := max (int64 $network.lagInEpochsForValidatorSet) (int64 $network.lagInEpochsForRandao) }}
- alert: AztecNoCheckpointSinceStart
  expr: >-
    network_role:aztec_nodes:count{role="validator"} unless on (network) network:aztec_checkpoint_height:max
    {{- if $idles }}
    and on (network) {{ $waiting }}
    {{- end }}
  for: {{ add (mul (add $lag 2) .epoch) .checkpoints 120 }}s
  labels: {severity: critical}
  annotations:
    runbook_url: docs/guide/runbook.md#aztecnocheckpointsincestart
    summary: 'The nodes of network {{ "{{ $labels.network }}" }} run, and none has seen a new checkpoint since it started'
    description: Fewer than a quorum of the committee attests, or no proposer reaches the L1. Look at the dashboard Validators.
{{- end }}
- alert: AztecNoProof
  expr: >-
    (network:aztec_checkpoint_height:max offset {{ .proofs }}s) > 0
    unless on (network) changes(network:aztec_proven_checkpoint_height:max[{{ .proofs }}s]) > 0
    unless on (network) network:aztec_proven_checkpoint_height:max >= network:aztec_checkpoint_height:max
  for: {{ .proofs }}s
  labels: {severity: critical}
  annotations:
    runbook_url: docs/guide/runbook.md#aztecnoproof
    summary: 'No proof of network {{ "{{ $labels.network }}" }} has reached the L1 for {{ .proofs }} s'
    description: 'Checkpoints that are not proven in time are pruned (network.proofSubmissionEpochs: {{ $network.proofSubmissionEpochs }}). Look at the dashboard Provers.'
- alert: AztecPruned
  expr: max by (network) (increase(aztec_archiver_prune_count{aztec_archiver_prune_type=~"unproven|"}[10m])) > 0
  labels: {severity: critical}
  annotations:
    runbook_url: docs/guide/runbook.md#aztecpruned
    summary: 'Checkpoints of network {{ "{{ $labels.network }}" }} were pruned'
    description: A proof came too late, or a checkpoint was invalid. Transactions in it went back to the pool.
{{- if gt (int .root.Values.proverAgent.replicas) 0 }}
- alert: AztecNoProverAgents
  expr: >-
    network_role:aztec_nodes:expected{role="prover-agent"} unless on (network) network_role:aztec_nodes:count{role="prover-agent"}
    and on (network) network:aztec_checkpoint_height:max
  for: 2m
  labels: {severity: critical}
  annotations:
    runbook_url: docs/guide/runbook.md#aztecnoproveragents
    summary: 'No prover agent of network {{ "{{ $labels.network }}" }} is running'
    description: Proving jobs wait in the broker.
{{- end }}
{{- end -}}
