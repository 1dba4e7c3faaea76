{{/* Rules that guard a plain `helm install`; `aznet plan` checks all of them and explains more. */}}
{{- define "aztec-network.validate" -}}
{{- $v := .Values -}}
{{- $problems := list -}}
{{- $new := not $v.network.registryAddress -}}
{{- $slot := int64 $v.network.slotDuration -}}
{{- $block := int64 $v.l1.blockTime -}}
{{- if ne (mod $slot $block) 0 -}}
{{- $problems = append $problems (printf "network.slotDuration is %d: it must be a multiple of l1.blockTime (%d)" $slot $block) -}}
{{- end -}}
{{- if and $new (lt (int $v.bootNode.replicas) 1) -}}
{{- $problems = append $problems "bootNode.replicas is 0: it must be 1, or 0 with network.registryAddress and network.bootstrapNodes" -}}
{{- end -}}
{{- $problems = concat $problems (include "aztec-network.releaseProblems" . | fromJsonArray) (include "aztec-network.wiringProblems" . | fromJsonArray) -}}
{{- $validators := include "aztec-network.attesters" . | int64 -}}
{{- if and $new (lt $validators 1) -}}
{{- $problems = append $problems "validator.replicas is 0: a new network needs validators; to join a network, set network.registryAddress" -}}
{{- else if and $new (gt (int64 $v.network.committeeSize) $validators) -}}
{{- $problems = append $problems (printf "network.committeeSize is %v with %d validators (validator.replicas * validator.keysPerReplica, and validatorGroups): add validators or lower the committee size" $v.network.committeeSize $validators) -}}
{{- end -}}
{{- /* With neither broker nor agents a prover node proves by itself. */}}
{{- $shared := or (gt (int $v.proverBroker.replicas) 0) (gt (int $v.proverAgent.replicas) 0) -}}
{{- if and $shared (gt (int $v.proverNode.replicas) 0) (lt (int $v.proverAgent.replicas) 1) -}}
{{- $problems = append $problems "proverAgent.replicas is 0 but proverBroker.replicas is not: nobody would prove; set both to 0 for provers without agents" -}}
{{- end -}}
{{- if and (lt (int $v.proverBroker.replicas) 1) (gt (int $v.proverAgent.replicas) 0) -}}
{{- $problems = append $problems "proverBroker.replicas is 0: it must be 1, or 0 without prover agents" -}}
{{- end -}}
{{- if and $v.l1.anvil.enabled (or $v.l1.executionUrls $v.l1.consensusUrls $v.l1.traceUrls $v.l1.existingSecret $v.network.registryAddress) -}}
{{- $problems = append $problems "l1.anvil.enabled is true and l1.executionUrls, l1.consensusUrls, l1.traceUrls, l1.existingSecret or network.registryAddress is set: choose one L1" -}}
{{- end -}}
{{- if and $v.l1.anvil.enabled $v.l1.anvil.external -}}
{{- $problems = append $problems "l1.anvil.enabled and l1.anvil.external are both true: set one of them to false" -}}
{{- end -}}
{{- if and $v.l1.existingSecret (or $v.l1.executionUrls $v.l1.consensusUrls $v.l1.traceUrls) -}}
{{- $problems = append $problems "l1.existingSecret is set together with l1.executionUrls, l1.consensusUrls or l1.traceUrls: set either the Secret or the URLs" -}}
{{- end -}}
{{- if not (or $v.l1.anvil.enabled $v.l1.executionUrls $v.l1.existingSecret) -}}
{{- $problems = append $problems "l1.executionUrls is empty and l1.anvil.enabled is false: set the URLs of your L1, or l1.existingSecret" -}}
{{- end -}}
{{- if not (or $v.blobStore.enabled $v.l1.consensusUrls $v.l1.existingSecret) -}}
{{- $problems = append $problems "blobStore.enabled is false and l1.consensusUrls is empty: nodes would have no source of blobs" -}}
{{- end -}}
{{- if not (semverCompare ">=1.29.0-0" .Capabilities.KubeVersion.Version) -}}
{{- range $key, $set := dict "keys.keystoreSecret" $v.keys.keystoreSecret "bootNode.joinBundles.enabled" $v.bootNode.joinBundles.enabled -}}
{{- if $set -}}
{{- $problems = append $problems (printf "%s needs Kubernetes 1.29 or newer (sidecar containers); this cluster has %s" $key $.Capabilities.KubeVersion.Version) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $problems = concat $problems (include "aztec-network.keyProblems" . | fromJsonArray) (include "aztec-network.groupProblems" . | fromJsonArray) (include "aztec-network.p2pProblems" . | fromJsonArray) (include "aztec-network.keySourceProblems" . | fromJsonArray) -}}
{{- if $problems -}}
{{- fail (printf "\n\ninvalid values:\n- %s\n" (join "\n- " $problems)) -}}
{{- end -}}
{{- end -}}

{{/* Key ranges that overlap, as JSON. */}}
{{- define "aztec-network.keyProblems" -}}
{{- $v := .Values -}}
{{- $keys := $v.keys -}}
{{- $claims := list (dict "key" "keys.deployerIndex" "start" (int64 $keys.deployerIndex) "count" 1) -}}
{{- range $name, $held := include "aztec-network.validatorKeys" . | fromJson -}}
{{- $key := printf "validatorGroups.%s.keyOffset" (trimPrefix "validator-" $name) -}}
{{- $own := eq $name "validator" -}}
{{- $claims = append $claims (dict "key" ($own | ternary "keys.attesterIndexStart" $key) "start" (int64 $held.attester.start) "count" (mul $held.replicas $held.attester.perReplica)) -}}
{{- $claims = append $claims (dict "key" ($own | ternary "keys.publisherIndexStart" $key) "start" (int64 $held.publisher.start) "count" (mul $held.replicas $held.publisher.perReplica)) -}}
{{- end -}}
{{- $claims = append $claims
  (dict "key" "keys.proverIndexStart" "start" (int64 $keys.proverIndexStart) "count" (mul $v.proverNode.replicas $v.proverNode.publishersPerReplica)) -}}
{{- $problems := list -}}
{{- range $n, $one := $claims -}}
{{- range $other := slice $claims 0 $n -}}
{{- $apart := or (le (add $one.start $one.count) $other.start) (le (add $other.start $other.count) $one.start) -}}
{{- if and (gt (int64 $one.count) 0) (gt (int64 $other.count) 0) (not $apart) -}}
{{- $problems = append $problems (printf "%s (%d, %d keys) overlaps %s (%d, %d keys): change one of the two" $one.key (int64 $one.start) (int64 $one.count) $other.key (int64 $other.start) (int64 $other.count)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $problems | toJson -}}
{{- end -}}

{{/* Roles without a peer or server, and roles that contradict each other, as JSON. */}}
{{- define "aztec-network.wiringProblems" -}}
{{- $v := .Values -}}
{{- $problems := list -}}
{{- if and $v.network.registryAddress (lt (int $v.bootNode.replicas) 1) (not $v.network.bootstrapNodes) -}}
{{- $problems = append $problems "network.bootstrapNodes is empty and bootNode.replicas is 0: nodes would find no peers" -}}
{{- end -}}
{{- $talkers := add (int $v.pxe.replicas) (int $v.bot.replicas) -}}
{{- if and (gt $talkers 0) (not (include "aztec-network.nodeUrl" .)) -}}
{{- $problems = append $problems "pxe.replicas or bot.replicas is set without a full node or boot node: pxes and bots need one to connect to" -}}
{{- end -}}
{{- if and (gt (int $v.bot.replicas) 0) (not $v.bot.existingSecret) -}}
{{- $profile := include "aztec-network.profile" . | fromJson -}}
{{- $most := int $profile.botsWithTestAccounts -}}
{{- if and $profile (or (gt (int $v.bot.replicas) $most) (not $v.network.testAccounts) (and $profile.testAccountsNeedDeployment (lt (int $v.pxe.replicas) 1))) -}}
{{- $problems = append $problems (printf "bot.replicas: without bot.existingSecret, at most %d can run, on test accounts (network.testAccounts)%s" $most ($profile.testAccountsNeedDeployment | ternary ", which a pxe deploys" "")) -}}
{{- end -}}
{{- end -}}
{{- $real := list -}}
{{- range $role := list $v.bootNode $v.fullNode $v.validator $v.proverNode $v.proverBroker $v.proverAgent $v.pxe -}}
{{- if kindIs "bool" $role.fakeProofs -}}{{- $real = append $real $role.fakeProofs | uniq -}}{{- end -}}
{{- end -}}
{{- if gt (len $real) 1 -}}
{{- $problems = append $problems "fakeProofs differs between roles: a network uses one kind of proof" -}}
{{- end -}}
{{- if and $v.network.realVerifier (not $v.l1.anvil.enabled) -}}
{{- $problems = append $problems "network.realVerifier is true and l1.anvil.enabled is false: it is for tests on the chart's anvil" -}}
{{- end -}}
{{- $slashing := $v.network.slashing -}}
{{- $seats := mul (int64 $v.network.committeeSize) (int64 $slashing.roundSizeInEpochs) -}}
{{- if and (not $v.network.registryAddress) (eq $slashing.flavor "tally") (or (lt $seats 1) (gt $seats 512) (ne (mod $seats 4) 0)) -}}
{{- $problems = append $problems (printf "network.slashing.flavor tally needs committeeSize * roundSizeInEpochs (%d) to be a multiple of 4 between 4 and 512" $seats) -}}
{{- end -}}
{{- $problems | toJson -}}
{{- end -}}

{{/* Invalid groups of validators, as JSON. */}}
{{- define "aztec-network.groupProblems" -}}
{{- $problems := list -}}
{{- range $name, $group := .Values.validatorGroups -}}
{{- if $group.podDisruptionBudget -}}
{{- $problems = append $problems (printf "validatorGroups.%s.podDisruptionBudget: one budget covers all groups: set validator.podDisruptionBudget" $name) -}}
{{- end -}}
{{- end -}}
{{- $problems | toJson -}}
{{- end -}}

{{/* Invalid key stores and remote signers, as JSON. */}}
{{- define "aztec-network.keySourceProblems" -}}
{{- $keys := .Values.keys -}}
{{- $problems := list -}}
{{- if and $keys.keystoreSecret $keys.remoteSigner.url -}}
{{- $problems = append $problems "keys.keystoreSecret and keys.remoteSigner.url are both set: choose one (a key store can itself refer to a remote signer)" -}}
{{- end -}}
{{- if $keys.remoteSigner.url -}}
{{- range $name, $replicas := include "aztec-network.wantedValidators" . | fromJson -}}
{{- range $ordinal := until (int $replicas) -}}
{{- $pod := printf "%s-%d" $name $ordinal -}}
{{- $accounts := get $keys.remoteSigner.pods $pod | default dict -}}
{{- if not (and $accounts.attesters $accounts.publishers) -}}
{{- $problems = append $problems (printf "keys.remoteSigner.pods has no attesters or no publishers for %s: list their addresses" $pod) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $problems | toJson -}}
{{- end -}}

{{/* p2p addresses that reach no pod or two pods, as JSON. */}}
{{- define "aztec-network.p2pProblems" -}}
{{- $root := . -}}
{{- $problems := list -}}
{{- $ports := dict -}}
{{- $chaos := and .Values.chaos .Values.chaos.scenarios -}}
{{- range $name, $node := include "aztec-network.nodes" . | fromJson -}}
{{- $p2p := (include "aztec-network.settings" (dict "root" $root "values" $node.values) | fromJson).p2p | default dict -}}
{{- $exposure := $p2p.exposure | default "ClusterIP" -}}
{{- range $ordinal := until (int $node.values.replicas) -}}
{{- $own := get ($p2p.pods | default dict) (toString $ordinal) | default dict -}}
{{- if and (eq $exposure "LoadBalancer") (not (or $own.announceIp $p2p.announceIp)) -}}
{{- $problems = append $problems (printf "%s-%d has no p2p.announceIp: set the reserved address of its load balancer" $name $ordinal) -}}
{{- end -}}
{{- if eq $exposure "NodePort" -}}
{{- $port := add $p2p.nodePortBase $ordinal -}}
{{- if or (lt $port 30000) (gt $port 32767) -}}
{{- $problems = append $problems (printf "%s-%d has the p2p port %d: node ports must be between 30000 and 32767; change p2p.nodePortBase" $name $ordinal $port) -}}
{{- else if hasKey $ports (toString $port) -}}
{{- $problems = append $problems (printf "%s-%d and %s have the same p2p port %d: change p2p.nodePortBase of one" $name $ordinal (get $ports (toString $port)) $port) -}}
{{- end -}}
{{- $_ := set $ports (toString $port) (printf "%s-%d" $name $ordinal) -}}
{{- end -}}
{{- end -}}
{{- if and $chaos (ne $exposure "ClusterIP") (gt (int $node.values.replicas) 0) -}}
{{- $problems = append $problems (printf "%s has p2p.exposure %s and chaos.scenarios is set: faults between pods do not affect peers that connect through machines' addresses" $name $exposure) -}}
{{- end -}}
{{- end -}}
{{- $problems | toJson -}}
{{- end -}}
