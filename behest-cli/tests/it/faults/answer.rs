//! What a client of the gateway got.

use reqwest::header::HeaderMap;
use serde_json::Value;
use tokio::time::timeout;

use super::PATIENCE;

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    /// Sends the request and reads the answer, which must come in time and unbroken.
    pub async fn of(request: reqwest::RequestBuilder) -> Self {
        let answer = timeout(PATIENCE, async {
            let response = request.send().await.expect("an answer");
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            Self { status, headers, body: response.text().await.expect("a whole body") }
        });
        answer.await.expect("an answer in time")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The code of an error, or of the error that ends a stream, whose whole form is checked on the way.
    pub fn code(&self) -> String {
        let problem = match self.events().last() {
            Some(event) => serde_json::from_str(event).unwrap_or_else(|error| panic!("{error}: {self:?}")),
            None => {
                assert!(self.status >= 400, "{self:?}");
                assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
                assert_eq!(self.header("x-trace-id").map(str::len), Some(32), "{self:?}");
                self.json()
            }
        };
        check_problem(&problem)
    }

    /// The data of the events of a stream.
    pub fn events(&self) -> Vec<&str> {
        self.body.split("\n\n").filter_map(|event| event.strip_prefix("data: ")).collect()
    }

    /// Whether a stream looks finished.
    pub fn is_done(&self) -> bool {
        self.body.contains("[DONE]")
    }
}

/// Checks that an error says the same to every kind of SDK; gives its code.
pub fn check_problem(problem: &Value) -> String {
    let code = problem["error"]["code"].as_str().unwrap_or_else(|| panic!("no code: {problem}"));
    assert_eq!(problem["code"], code, "{problem}");
    assert_eq!(problem["message"], problem["error"]["message"], "{problem}");
    assert_ne!(problem["message"].as_str().unwrap_or_default(), "", "{problem}");
    assert!(problem["retryable"].is_boolean(), "{problem}");
    code.to_owned()
}
