//! Where a provider answers, and what to show there: made ready once, since every call needs it.

use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};

use super::compatible::Compatible;
use super::vertex::place::Place;
use super::vertex::tokens::Tokens;
use super::{Dialect, ProviderKey, vertex};
use crate::gateway::context::Operation;

/// Anthropic's interface is versioned by date; this is the one that all of its documents describe.
const ANTHROPIC_VERSION: HeaderValue = HeaderValue::from_static("2023-06-01");

/// The last version of Azure OpenAI's data plane that its documents call generally available by date.
pub(super) const AZURE_VERSION: &str = "2024-10-21";

/// A provider's address and credential.
#[derive(Debug, Clone)]
pub struct Endpoint {
    address: Address,
    headers: HeaderMap,
    /// Where the credential is one that does not last.
    tokens: Option<Tokens>,
}

#[derive(Debug, Clone)]
enum Address {
    /// The same for every model.
    Fixed {
        /// Where conversations are answered.
        chat: Uri,
        /// Where texts become vectors, if anywhere.
        embeddings: Option<Uri>,
    },
    /// Azure's: the model is a deployment of the customer's, and stands in the path.
    Azure {
        /// The customer's resource.
        base_url: String,
    },
    /// Gemini's: the model stands in the path, and a stream has a path of its own.
    Gemini {
        /// Up to the model.
        models: String,
    },
    /// Vertex's: the same in a place, but that models differ in the call that turns texts into vectors.
    Vertex {
        /// Google's, or the operator's.
        base_url: String,
        /// The project and the location.
        place: Place,
    },
}

impl Endpoint {
    /// Makes address and credential ready; `None` when one of them cannot stand in a request, and for a provider that is
    /// called without one.
    #[must_use]
    pub fn new(dialect: Dialect, base_url: &str, key: &ProviderKey) -> Option<Self> {
        let at = |path: &str| format!("{base_url}{path}").parse().ok();
        let fixed = |chat: &str, embeddings: Option<&str>| {
            Some(Address::Fixed { chat: at(chat)?, embeddings: embeddings.and_then(at) })
        };
        let address = match dialect {
            // Vertex's is made of its credential: see `vertex`.
            Dialect::Local | Dialect::Vertex => return None,
            Dialect::Compatible(Compatible::Azure) => Address::Azure { base_url: base_url.to_owned() },
            Dialect::OpenAi | Dialect::Compatible(_) => fixed("/chat/completions", Some("/embeddings"))?,
            Dialect::Anthropic => fixed("/v1/messages", None)?,
            Dialect::Cohere => fixed("/v2/chat", Some("/v2/embed"))?,
            Dialect::Gemini => Address::Gemini { models: format!("{base_url}/models") },
        };
        let mut headers = plain_headers();
        if dialect == Dialect::Anthropic {
            headers.insert("anthropic-version", ANTHROPIC_VERSION);
        }
        if let ProviderKey::Open(key) = key {
            let (name, text) = match dialect {
                Dialect::Anthropic => (HeaderName::from_static("x-api-key"), key.expose().to_owned()),
                Dialect::Compatible(Compatible::Azure) => {
                    (HeaderName::from_static("api-key"), key.expose().to_owned())
                }
                // Never in the address, which ends up in logs.
                Dialect::Gemini => (HeaderName::from_static("x-goog-api-key"), key.expose().to_owned()),
                _ => (header::AUTHORIZATION, format!("Bearer {}", key.expose())),
            };
            let mut value = HeaderValue::try_from(text).ok()?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Some(Self { address, headers, tokens: None })
    }

    /// The same for Vertex, whose credential says where it is called. `local` and `platform` are what the operator alone
    /// can allow: see [`Tokens::read`].
    #[must_use]
    pub fn vertex(base_url: &str, key: &ProviderKey, local: bool, platform: bool) -> Option<Self> {
        let ProviderKey::Open(credential) = key else { return None };
        let (tokens, place) = Tokens::read(credential, local, platform).ok()?;
        let address = Address::Vertex { base_url: base_url.to_owned(), place };
        Some(Self { address, headers: plain_headers(), tokens: Some(tokens) })
    }

    /// Where the credential comes from that goes with a call beside its headers.
    #[must_use]
    pub fn tokens(&self) -> Option<&Tokens> {
        self.tokens.as_ref()
    }

    /// Where `model` is called; `None` when its name cannot stand in an address, or nobody does there what is asked.
    #[must_use]
    pub fn uri(&self, model: &str, operation: Operation, stream: bool) -> Option<Uri> {
        match &self.address {
            Address::Fixed { chat, embeddings } => match operation {
                Operation::Chat => Some(chat.clone()),
                Operation::Embeddings(_) => embeddings.clone(),
            },
            Address::Azure { base_url } => {
                let model = in_path(model)?;
                let call = match operation {
                    Operation::Chat => "chat/completions",
                    Operation::Embeddings(_) => "embeddings",
                };
                let path = format!("/openai/deployments/{model}/{call}?api-version={AZURE_VERSION}");
                format!("{base_url}{path}").parse().ok()
            }
            Address::Gemini { models } => {
                let model = in_path(model.strip_prefix("models/").unwrap_or(model))?;
                let call = match operation {
                    Operation::Chat => generate(stream),
                    Operation::Embeddings(_) => "batchEmbedContents",
                };
                format!("{models}/{model}:{call}").parse().ok()
            }
            Address::Vertex { base_url, place } => {
                let model = in_path(model.strip_prefix("models/").unwrap_or(model))?;
                let (version, call) = match operation {
                    Operation::Chat => (vertex::VERSION, generate(stream)),
                    Operation::Embeddings(wanted) => vertex::embeddings::call(model, wanted.inputs),
                };
                format!("{}/{model}:{call}", place.models(base_url, version)).parse().ok()
            }
        }
    }

    /// The host, where the base URL alone does not say it.
    #[must_use]
    pub fn host(&self) -> Option<String> {
        match &self.address {
            Address::Vertex { base_url, place } => {
                Some(place.models(base_url, "v1").parse::<Uri>().ok()?.authority()?.to_string())
            }
            Address::Fixed { .. } | Address::Azure { .. } | Address::Gemini { .. } => None,
        }
    }

    /// What goes with every call.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }
}

fn generate(stream: bool) -> &'static str {
    if stream { "streamGenerateContent?alt=sse" } else { "generateContent" }
}

fn plain_headers() -> HeaderMap {
    HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))])
}

/// The model's name, when it can stand in a path and lead nowhere else.
fn in_path(model: &str) -> Option<&str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let safe = !model.is_empty() && model.bytes().all(plain) && !matches!(model, "." | "..");
    safe.then_some(model)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::providers::translate::vectors::Wanted;
    use crate::secret::Secret;
    use crate::types::embeddings::EncodingFormat;

    fn endpoint(dialect: Dialect) -> Endpoint {
        let key = ProviderKey::Open(Secret::new("canary"));
        Endpoint::new(dialect, "https://here.example", &key).expect("an endpoint")
    }

    #[test]
    fn each_dialect_has_its_address_and_no_key_stands_in_it() {
        for (dialect, stream, wanted) in [
            (Dialect::OpenAi, true, "https://here.example/chat/completions"),
            (Dialect::Compatible(Compatible::Mistral), true, "https://here.example/chat/completions"),
            (
                Dialect::Compatible(Compatible::Azure),
                true,
                "https://here.example/openai/deployments/m-1.5/chat/completions?api-version=2024-10-21",
            ),
            (Dialect::Anthropic, true, "https://here.example/v1/messages"),
            (Dialect::Cohere, false, "https://here.example/v2/chat"),
            (Dialect::Gemini, false, "https://here.example/models/m-1.5:generateContent"),
            (Dialect::Gemini, true, "https://here.example/models/m-1.5:streamGenerateContent?alt=sse"),
        ] {
            let endpoint = endpoint(dialect);
            assert_eq!(
                endpoint.uri("m-1.5", Operation::Chat, stream).expect("an address").to_string(),
                wanted
            );
            assert!(!format!("{endpoint:?}").contains("canary"), "keys are not printed");
            let shown = endpoint
                .headers()
                .values()
                .any(|value| value.to_str().is_ok_and(|text| text.contains("canary")));
            assert!(shown, "the key goes in a header");
        }
    }

    #[test]
    fn embeddings_have_addresses_of_their_own() {
        let azure = "/openai/deployments/m-1.5/embeddings?api-version=2024-10-21";
        let wanted = Wanted { encoding: EncodingFormat::Float, inputs: 1, prompt_tokens: 1 };
        for (dialect, path) in [
            (Dialect::OpenAi, Some("/embeddings")),
            (Dialect::Compatible(Compatible::OpenRouter), Some("/embeddings")),
            (Dialect::Compatible(Compatible::Azure), Some(azure)),
            (Dialect::Cohere, Some("/v2/embed")),
            (Dialect::Gemini, Some("/models/m-1.5:batchEmbedContents")),
            (Dialect::Anthropic, None),
        ] {
            let uri = endpoint(dialect).uri("m-1.5", Operation::Embeddings(wanted), false);
            let found = uri.map(|uri| uri.to_string());
            assert_eq!(found, path.map(|path| format!("https://here.example{path}")), "{dialect:?}");
        }
    }

    #[test]
    fn a_models_name_cannot_lead_elsewhere() {
        assert!(endpoint(Dialect::Gemini).uri("models/gemini-2.5-flash", Operation::Chat, false).is_some());
        for dialect in [Dialect::Gemini, Dialect::Compatible(Compatible::Azure)] {
            for name in ["", "..", "a/../../admin", "m:countTokens", "m?key=x", "m%2f"] {
                assert_eq!(endpoint(dialect).uri(name, Operation::Chat, false), None, "{name}");
            }
        }
    }
}
