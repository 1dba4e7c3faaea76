import assert from "node:assert/strict";
import { test } from "node:test";

const { PXE_URL, AZTEC_NODE_URL, ETHEREUM_HOSTS } = process.env;

async function ask(url, method) {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: [] });
  const answer = await fetch(url, { method: "POST", body, headers: { "content-type": "application/json" } });
  const { result, error } = await answer.json();
  assert.equal(error, undefined);
  return result;
}

test("the network is the one of ci/aztec.yaml", async () => {
  assert.equal(Number(await ask(ETHEREUM_HOSTS, "eth_chainId")), 31338);
  assert.equal((await ask(AZTEC_NODE_URL, "node_getNodeInfo")).l1ChainId, 31338);
});

test("it has a wallet server", async () => {
  assert.ok((await fetch(new URL("/status", PXE_URL))).ok);
});
