//! The keys, and what of Web3signer's JSON-RPC is asked of them.

use alloy_primitives::{Address, Bytes, Signature};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::transaction::Asked;
use crate::console::say;

/// The keys, and what is asked of them.
#[derive(Debug)]
pub(super) struct Keyring {
    pub(super) keys: Vec<PrivateKeySigner>,
    pub(super) chain_id: u64,
}

#[derive(Debug, Deserialize)]
struct Request {
    method: String,
    #[serde(default)]
    params: Vec<Value>,
    #[serde(default)]
    id: Value,
}

impl Keyring {
    /// Answers a request, in whatever shape it comes.
    pub(super) fn answer(&self, body: &[u8]) -> Value {
        let request: Request = match serde_json::from_slice(body) {
            Ok(request) => request,
            Err(error) => {
                return json!({
                    "jsonrpc": "2.0", "id": null,
                    "error": {"code": -32600, "message": error.to_string()},
                });
            }
        };
        match self.result(&request) {
            Ok(result) => json!({"jsonrpc": "2.0", "id": request.id, "result": result}),
            Err(Refusal { code, message }) => {
                say(format_args!("refused {}: {message}", request.method));
                json!({
                    "jsonrpc": "2.0", "id": request.id,
                    "error": {"code": code, "message": message},
                })
            }
        }
    }

    fn result(&self, request: &Request) -> Result<Value, Refusal> {
        let params = &request.params;
        match request.method.as_str() {
            "eth_accounts" => Ok(json!(
                self.keys
                    .iter()
                    .map(PrivateKeySigner::address)
                    .collect::<Vec<_>>()
            )),
            "eth_sign" => {
                let (key, message): (_, Bytes) = (self.key(params)?, param(params, 1)?);
                signature(key.sign_message_sync(&message))
            }
            "eth_signTypedData" | "eth_signTypedData_v4" => {
                let (key, data) = (self.key(params)?, typed_data(params)?);
                signature(key.sign_dynamic_typed_data_sync(&data))
            }
            "eth_signTransaction" => {
                let asked: Asked = param(params, 0)?;
                let key = self.of(asked.from)?;
                let signed = asked.sign(key, self.chain_id)?;
                Ok(json!(signed))
            }
            other => Err(Refusal {
                code: -32601,
                message: format!("no method {other}"),
            }),
        }
    }

    fn key(&self, params: &[Value]) -> Result<&PrivateKeySigner, Refusal> {
        self.of(param(params, 0)?)
    }

    fn of(&self, address: Address) -> Result<&PrivateKeySigner, Refusal> {
        let key = self.keys.iter().find(|key| key.address() == address);
        key.ok_or_else(|| Refusal {
            code: -32000,
            message: format!("no key of {address} is here"),
        })
    }
}

fn param<T: DeserializeOwned>(params: &[Value], index: usize) -> Result<T, Refusal> {
    let value = params
        .get(index)
        .ok_or_else(|| Refusal::of_params(format!("parameter {index} is missing")))?;
    T::deserialize(value).map_err(|error| Refusal::of_params(format!("parameter {index}: {error}")))
}

/// Aztec sends the data as text, others as an object.
fn typed_data(params: &[Value]) -> Result<alloy_dyn_abi::TypedData, Refusal> {
    match params.get(1) {
        Some(Value::String(text)) => serde_json::from_str(text).map_err(Refusal::of_params),
        _ => param(params, 1),
    }
}

fn signature(signed: alloy_signer::Result<Signature>) -> Result<Value, Refusal> {
    let signed = signed.map_err(Refusal::of_params)?;
    Ok(json!(Bytes::from(signed.as_bytes())))
}

#[cfg(test)]
mod tests {
    use alloy_consensus::{TxEip1559, TxEip4844};
    use alloy_primitives::{B256, eip191_hash_message, hex};

    use super::*;
    use crate::keys::mnemonic::tests::public_mnemonic;
    use crate::signer::transaction::tests::decode;

    fn keyring() -> Keyring {
        let key = public_mnemonic().key(0).expect("derives").secret();
        Keyring {
            keys: vec![PrivateKeySigner::from_bytes(&key).expect("a key")],
            chain_id: 31_337,
        }
    }

    fn own() -> Address {
        keyring().keys[0].address()
    }

    fn ask(method: &str, params: &Value) -> Value {
        let request = json!({"jsonrpc": "2.0", "id": "a1", "method": method, "params": params});
        keyring().answer(request.to_string().as_bytes())
    }

    fn result<T: DeserializeOwned>(method: &str, params: &Value) -> T {
        let answer = ask(method, params);
        assert_eq!(answer["id"], "a1", "{answer}");
        T::deserialize(&answer["result"]).unwrap_or_else(|error| panic!("{answer}: {error}"))
    }

    fn signer_of(signature: &Bytes, hash: B256) -> Address {
        let signature = Signature::from_raw(signature).expect("a signature");
        signature
            .recover_address_from_prehash(&hash)
            .expect("recovers")
    }

    #[test]
    fn names_its_accounts() {
        assert_eq!(result::<Vec<Address>>("eth_accounts", &json!([])), [own()]);
    }

    #[test]
    fn a_message_is_signed_with_its_prefix() {
        let message = hex!("00112233");
        let signed: Bytes = result("eth_sign", &json!([own(), Bytes::from(message)]));
        assert_eq!(signer_of(&signed, eip191_hash_message(message)), own());
    }

    #[test]
    fn typed_data_is_signed_as_text_and_as_an_object() {
        let data = json!({
            "domain": {"name": "Tally", "chainId": "31337"},
            "types": {
                "EIP712Domain": [{"name": "name", "type": "string"}, {"name": "chainId", "type": "uint256"}],
                "Vote": [{"name": "votes", "type": "bytes"}, {"name": "slot", "type": "uint256"}],
            },
            "primaryType": "Vote",
            "message": {"votes": "0x0102", "slot": "77"},
        });
        let typed: alloy_dyn_abi::TypedData = serde_json::from_value(data.clone()).expect("typed");
        let hash = typed.eip712_signing_hash().expect("hashes");
        for given in [json!(data.to_string()), data] {
            let signed: Bytes = result("eth_signTypedData", &json!([own(), given]));
            assert_eq!(signer_of(&signed, hash), own());
        }
    }

    #[test]
    fn transactions_are_signed_with_and_without_blobs() {
        let mut asked = json!({
            "from": own(), "to": Address::repeat_byte(7), "data": "0xabcd", "value": "0x0", "nonce": "0x5",
            "gas": "0x5208", "maxFeePerGas": "0x77359400", "maxPriorityFeePerGas": "0x1",
        });
        let signed: Bytes = result("eth_signTransaction", &json!([asked]));
        let plain = decode::<TxEip1559>(2, &signed);
        assert_eq!(plain.tx().nonce, 5);
        assert_eq!(plain.recover_signer().expect("recovers"), own());
        asked["blobVersionedHashes"] = json!([B256::repeat_byte(1)]);
        asked["maxFeePerBlobGas"] = json!("0x9");
        asked["blobs"] = json!(["0x00"]);
        let signed: Bytes = result("eth_signTransaction", &json!([asked]));
        let blobs = decode::<TxEip4844>(3, &signed);
        assert_eq!(blobs.tx().blob_versioned_hashes, [B256::repeat_byte(1)]);
        assert_eq!(blobs.tx().chain_id, 31_337);
        assert_eq!(blobs.recover_signer().expect("recovers"), own());
    }

    #[test]
    fn what_it_can_not_do_is_refused() {
        let stranger = Address::repeat_byte(9);
        assert_eq!(
            ask("eth_sign", &json!([stranger, "0x00"]))["error"]["code"],
            -32000
        );
        assert_eq!(ask("eth_sign", &json!([own()]))["error"]["code"], -32602);
        assert_eq!(ask("eth_mine", &json!([]))["error"]["code"], -32601);
        assert_eq!(keyring().answer(b"GET")["error"]["code"], -32600);
    }
}
