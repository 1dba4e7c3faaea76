use kube::client::Body;
use serde_json::json;
use tower_test::mock;

use super::*;

/// A client whose one request is answered by `answer`; the request's path and body are returned.
async fn answered(status: u16, answer: &str) -> (Result<u64, RpcError>, String, Value) {
    let (service, mut handle) = mock::pair::<http::Request<Body>, http::Response<Body>>();
    let rpc = PodRpc::new(
        Client::new(service, "default"),
        "aznet-a-12345",
        "full-node-0",
        8080,
    );
    let answer = answer.to_owned();
    let server = tokio::spawn(async move {
        let (request, send) = handle.next_request().await.expect("one request");
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        send.send_response(
            http::Response::builder()
                .status(status)
                .body(Body::from(answer.into_bytes()))
                .unwrap(),
        );
        (
            parts.uri.to_string(),
            serde_json::from_slice(&body).unwrap(),
        )
    });
    let result = rpc.call("node_getBlockNumber", json!([])).await;
    let (path, body) = server.await.unwrap();
    (result, path, body)
}

#[tokio::test]
async fn a_call_goes_through_the_pod_proxy() {
    let (result, path, body) = answered(200, r#"{"jsonrpc":"2.0","id":1,"result":7}"#).await;
    assert_eq!(result.unwrap(), 7);
    assert_eq!(
        path,
        "/api/v1/namespaces/aznet-a-12345/pods/full-node-0:8080/proxy/"
    );
    assert_eq!(
        body,
        json!({"jsonrpc": "2.0", "id": 1, "method": "node_getBlockNumber", "params": []})
    );
}

#[tokio::test]
async fn a_refusal_keeps_code_and_message_whatever_the_http_status() {
    for status in [200, 400] {
        let reply = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32702,"message":"Slasher client not enabled"}}"#;
        let (result, ..) = answered(status, reply).await;
        let error = result.unwrap_err();
        assert!(!error.is_retryable());
        assert_eq!(
            error.to_string(),
            "node_getBlockNumber on full-node-0:8080: refused with code -32702: Slasher client not enabled"
        );
    }
}

#[tokio::test]
async fn a_pod_without_a_server_is_unreachable() {
    let status = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"error trying to reach service: dial tcp 10.1.0.7:8080: connect: connection refused","reason":"ServiceUnavailable","code":503}"#;
    let (result, ..) = answered(503, status).await;
    let error = result.unwrap_err();
    assert!(error.is_retryable());
    assert_eq!(
        error.to_string(),
        "node_getBlockNumber on full-node-0:8080: the pod is unreachable (HTTP 503): error trying to reach service: dial tcp 10.1.0.7:8080: connect: connection refused"
    );
}

#[tokio::test]
async fn an_answer_of_another_shape_is_quoted() {
    let (result, ..) = answered(200, r#"{"jsonrpc":"2.0","id":1,"result":"seven"}"#).await;
    assert!(matches!(result, Err(RpcError::BadAnswer { answer, .. }) if answer.contains("seven")));
    let (result, ..) = answered(200, "<html>").await;
    assert!(matches!(result, Err(RpcError::BadAnswer { answer, .. }) if answer == "<html>"));
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_given_up() {
    let (service, _handle) = mock::pair::<http::Request<Body>, http::Response<Body>>();
    let rpc = PodRpc::new(Client::new(service, "default"), "ns", "anvil", 8545);
    let error = rpc.call::<u64>("eth_chainId", json!([])).await.unwrap_err();
    assert!(matches!(error, RpcError::TimedOut { after, .. } if after == Duration::from_secs(10)));
}

/// How often a server is asked whose first answer breaks off, and whether it answers in the end.
async fn broken_off(method: &str) -> (u32, bool) {
    let (service, mut handle) = mock::pair::<http::Request<Body>, http::Response<Body>>();
    let rpc = PodRpc::new(
        Client::new(service, "default"),
        "aznet-a-12345",
        "anvil",
        8545,
    );
    let server = tokio::spawn(async move {
        let mut asked = 0;
        while let Some((_, send)) = handle.next_request().await {
            asked += 1;
            if asked == 1 {
                send.send_error(std::io::Error::from(std::io::ErrorKind::UnexpectedEof));
            } else {
                let answer = r#"{"jsonrpc":"2.0","id":1,"result":7}"#;
                send.send_response(http::Response::new(Body::from(answer.as_bytes().to_vec())));
            }
        }
        asked
    });
    let answer = rpc.call::<u64>(method, json!([])).await;
    drop(rpc);
    (server.await.unwrap(), answer.is_ok())
}

#[tokio::test]
async fn only_what_reads_is_asked_again_when_the_connection_breaks() {
    for method in ["eth_getBlockByNumber", "eth_call", "node_isReady"] {
        assert_eq!(broken_off(method).await, (2, true), "{method}");
    }
    for method in ["eth_sendTransaction", "anvil_reorg", "node_sendTx"] {
        assert_eq!(broken_off(method).await, (1, false), "{method}");
    }
}
