{{/* Alerts about single pods. */}}
{{- define "aztec-network.nodeAlerts" -}}
{{- $alerts := .Values.telemetry.prometheus.alerts -}}
- alert: AztecNodeSilent
  expr: network_role:aztec_nodes:expected - on (network, role) (network_role:aztec_nodes:count or network_role:aztec_nodes:expected * 0) > 0
  for: 3m
  labels: {severity: warning}
  annotations:
    runbook_url: docs/guide/runbook.md#aztecnodesilent
    summary: 'Pods of role {{ "{{ $labels.role }} that push nothing: {{ $value }}" }}'
    description: They are down, or cannot reach the collector.
- alert: AztecL1BalanceLow
  expr: min by (network, pod, aztec_l1_sender) (aztec_l1_balance_eth) < {{ $alerts.l1BalanceEth }}
  for: {{ mul 2 .Values.telemetry.collectInterval }}s
  labels: {severity: critical}
  annotations:
    runbook_url: docs/guide/runbook.md#aztecl1balancelow
    summary: 'Account {{ "{{ $labels.aztec_l1_sender }} of {{ $labels.pod }} has {{ $value }} ETH left" }}'
    description: Without ETH it cannot publish on L1.
{{- $profile := include "aztec-network.profile" . | fromJson -}}
{{- if $profile.tellsLowBalance }}
- alert: AztecPublisherTooPoor
  expr: sum by (network, pod) (increase(aztec_l1_publisher_low_balance_count[10m])) > 0
  labels: {severity: critical}
  annotations:
    runbook_url: docs/guide/runbook.md#aztecpublishertoopoor
    summary: 'A publisher of {{ "{{ $labels.pod }}" }} has less than the dearest transaction may cost'
    description: It publishes nothing until it has more, or until l1.gas.maxGwei and maxBlobGwei are lower.
- alert: AztecProverTooPoor
  expr: sum by (network, pod) (increase(aztec_prover_node_proving_not_started_unaffordable_count[10m])) > 0
  labels: {severity: critical}
  annotations:
    runbook_url: docs/guide/runbook.md#aztecprovertoopoor
    summary: 'Prover node {{ "{{ $labels.pod }}" }} begins no proof that it could not pay for'
    description: Its publishers need more ETH, or l1.gas.maxGwei and maxBlobGwei must be lower.
{{- end }}
- alert: AztecVolumeFillsUp
  expr: 100 * pod:aztec_volume_used:ratio > {{ $alerts.diskPercent }}
  for: 5m
  labels: {severity: warning}
  annotations:
    runbook_url: docs/guide/runbook.md#aztecvolumefillsup
    summary: 'The databases of {{ "{{ $labels.pod }} take {{ printf \"%.0f\" $value }} % of its volume" }}'
    description: Enlarge the volume before it is full.
- alert: AztecNodeOverloaded
  expr: max by (network, pod) (nodejs_eventloop_utilization) > 0.9
  for: 10m
  labels: {severity: warning}
  annotations:
    runbook_url: docs/guide/runbook.md#aztecnodeoverloaded
    summary: '{{ "{{ $labels.pod }}" }} has no processor time left'
    description: Its event loop is never idle, so that it answers late.
- alert: AztecTelemetryDown
  expr: up == 0
  for: 2m
  labels: {severity: warning}
  annotations:
    runbook_url: docs/guide/runbook.md#aztectelemetrydown
    summary: 'Prometheus cannot reach {{ "{{ $labels.job }}" }}'
    description: Without it the other alerts are blind.
{{- end -}}

{{/* Alerts about validators. Takes {root, floor, epoch}: seconds. */}}
{{- define "aztec-network.validatorAlerts" -}}
{{- $network := .root.Values.network -}}
{{- if not $network.registryAddress -}}
{{- $window := include "aztec-network.attestationWindow" . -}}
- alert: AztecValidatorMissesAttestations
  {{- /* Every node has the counters, with 0, and so has a validator that left the set and came back: only who attested since
         its start can miss something. A validator does not count attestations to its own proposals. */}}
  expr: >-
    sum by (network, pod) (increase(aztec_validator_attestation_success_count{role="validator"}[{{ $window }}s])) == 0
    and on (network, pod) aztec_validator_attestation_success_count{role="validator"} > 0
    unless on (network, pod) increase(aztec_sequencer_checkpoint_proposal_success_count{role="validator"}[{{ $window }}s]) > 0
    and on (network) changes(network:aztec_checkpoint_height:max[{{ $window }}s]) > 0
  for: {{ max .floor (mul 2 .epoch) }}s
  labels: {severity: warning}
  annotations:
    runbook_url: docs/guide/runbook.md#aztecvalidatormissesattestations
    summary: 'Validator {{ "{{ $labels.pod }}" }} has attested to nothing for {{ $window }} s while the network goes on'
    description: It attested before. Now it is not in sync, or its attesters have left the validator set.
{{ end -}}
- alert: AztecAttestationsFail
  expr: sum by (network, pod, aztec_error_type) (increase(aztec_validator_attestation_failed_node_issue_count{aztec_is_committee_member="true"}[{{ max .floor (mul 2 .epoch) }}s])) > 0
  labels: {severity: warning}
  annotations:
    runbook_url: docs/guide/runbook.md#aztecattestationsfail
    summary: 'Validator {{ "{{ $labels.pod }} could not attest: {{ $labels.aztec_error_type }}" }}'
    description: The cause is in the node, for example transactions that it could not get.
{{- if (include "aztec-network.profile" .root | fromJson).tellsOwnSlashing }}
- alert: AztecOwnValidatorAccused
  expr: sum by (network, pod) (increase(aztec_slasher_own_validator_targeted_count{role="validator"}[{{ max .floor .epoch }}s])) > 0
  labels: {severity: warning}
  annotations:
    runbook_url: docs/guide/runbook.md#aztecownvalidatoraccused
    summary: 'Votes on L1 name a validator of {{ "{{ $labels.pod }}" }} for a slash'
    description: With a quorum of votes in a round it loses stake. Look at the dashboard Validators for what it missed.
- alert: AztecOwnValidatorSlashed
  expr: sum by (network, pod) (increase(aztec_slasher_own_validator_slashed_count{role="validator"}[{{ max .floor .epoch }}s])) > 0
  labels: {severity: critical}
  annotations:
    runbook_url: docs/guide/runbook.md#aztecownvalidatorslashed
    summary: 'A validator of {{ "{{ $labels.pod }}" }} was slashed'
    description: It has lost stake, and is ejected where too little is left.
{{- end }}
{{- end -}}

{{/* Seconds in which a validator that works attests at least once: two epochs, or more where the set is larger than the
     committee, for its turn to come. The chance of a pod not to be drawn in n epochs is about e^(-n * its share of the seats).
     With 14 for n * share it is one in a million. Takes {root, floor, epoch}. */}}
{{- define "aztec-network.attestationWindow" -}}
{{- $network := .root.Values.network -}}
{{- $attesters := include "aztec-network.attesters" .root | int64 -}}
{{- $fewest := $attesters -}}
{{- range include "aztec-network.validators" .root | fromJson -}}
{{- if gt (int .values.replicas) 0 -}}{{- $fewest = min $fewest (int64 .values.keysPerReplica) -}}{{- end -}}
{{- end -}}
{{- $epochs := int64 2 -}}
{{- $seats := mul (int64 $network.committeeSize) (max 1 $fewest) -}}
{{- if and (gt $seats 0) (gt $attesters (int64 $network.committeeSize)) -}}
{{- $epochs = max $epochs (add 1 (div (mul 14 $attesters) $seats)) -}}
{{- end -}}
{{- max .floor (mul $epochs .epoch) -}}
{{- end -}}
