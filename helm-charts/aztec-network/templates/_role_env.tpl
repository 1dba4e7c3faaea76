{{/* Variables that follow from a role's own keys, as JSON. Takes {role, settings}. What is null or empty stays Aztec's own. */}}
{{- define "aztec-network.roleEnv" -}}
{{- $env := dict -}}
{{- if eq .role "validator" -}}
{{- $sequencer := .settings.sequencer -}}
{{- $env = dict
  "SEQ_MIN_TX_PER_BLOCK" $sequencer.minTxsPerBlock
  "SEQ_MAX_TX_PER_BLOCK" $sequencer.maxTxsPerBlock
  "SEQ_MAX_TX_PER_CHECKPOINT" $sequencer.maxTxsPerCheckpoint
  "SEQ_BUILD_CHECKPOINT_IF_EMPTY" $sequencer.buildCheckpointIfEmpty
  "SEQ_BLOCK_DURATION_MS" $sequencer.blockDurationMs
  "SEQ_L1_PUBLISHING_TIME_ALLOWANCE_IN_SLOT" $sequencer.l1PublishingSeconds
  "COINBASE" $sequencer.coinbase
  "FEE_RECIPIENT" $sequencer.feeRecipient -}}
{{- else if eq .role "bot" -}}
{{- $bot := .settings -}}
{{- $env = dict
  "BOT_TX_INTERVAL_SECONDS" $bot.txIntervalSeconds
  "BOT_PRIVATE_TRANSFERS_PER_TX" $bot.privateTransfersPerTx
  "BOT_PUBLIC_TRANSFERS_PER_TX" $bot.publicTransfersPerTx
  "BOT_FOLLOW_CHAIN" (upper $bot.followChain)
  "BOT_TX_MINED_WAIT_SECONDS" $bot.txMinedWaitSeconds
  "BOT_MAX_PENDING_TXS" $bot.maxPendingTxs
  "BOT_MAX_CONSECUTIVE_ERRORS" $bot.maxConsecutiveErrors
  "BOT_STOP_WHEN_UNHEALTHY" (gt (int $bot.maxConsecutiveErrors) 0)
  "BOT_TOKEN_CONTRACT" $bot.token
  "BOT_FEE_PAYMENT_METHOD" $bot.feePayment
  "BOT_MIN_FEE_PADDING" $bot.minFeePadding
  "BOT_ACCOUNT_SALT" (and $bot.existingSecret $bot.accountSalt) -}}
{{- end -}}
{{- $set := dict -}}
{{- range $name, $value := $env -}}
{{- if not (or (kindIs "invalid" $value) (eq (toString $value) "")) -}}
{{- $_ := set $set $name (include "aztec-network.text" $value) -}}
{{- end -}}
{{- end -}}
{{- $set | toJson -}}
{{- end -}}

{{/* Secrets of the operator's that a pod reads as files in /aznet/{volume}: volume → name, as JSON. Takes {root, role, node}. */}}
{{- define "aztec-network.secrets" -}}
{{- $secrets := dict -}}
{{- if and .root.Values.l1.existingSecret (or .node (eq .role "prover-broker")) -}}
{{- $_ := set $secrets "l1" .root.Values.l1.existingSecret -}}
{{- end -}}
{{- if and .root.Values.bot.existingSecret (eq .role "bot") -}}
{{- $_ := set $secrets "bot" .root.Values.bot.existingSecret -}}
{{- end -}}
{{- $secrets | toJson -}}
{{- end -}}
