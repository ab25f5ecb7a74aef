//! Every environment variable that Behest reads, once, and the only function that reads one.
//!
//! A variable that is unset, blank, or not UTF-8 counts as unset. What a variable means is decided where it is used;
//! an explicit option always beats it.

/// The credential: an API key (`behest_sk_live_...`), or a private key to sign with.
pub const KEY: &str = "BEHEST_KEY";
/// The old name of [`KEY`]; read with a warning, once per process.
pub const API_KEY: &str = "BEHEST_API_KEY";
/// Where the gateway is; trailing slashes and a trailing `/v1` are ignored.
pub const BASE_URL: &str = "BEHEST_BASE_URL";
/// The name of the signing key, in sign mode.
pub const KID: &str = "BEHEST_KID";
/// The tenant that owns the signing key, in sign mode.
pub const TENANT_ID: &str = "BEHEST_TENANT_ID";
/// The project to call, in sign mode.
pub const PROJECT_ID: &str = "BEHEST_PROJECT_ID";
/// The end user when a call names none; `default` when unset.
pub const USER_ID: &str = "BEHEST_USER_ID";
/// The end user's tier when a call names none: a number or a name.
pub const TIER: &str = "BEHEST_TIER";
/// The lifetime of tokens in seconds; 3,600 when unset.
pub const TTL: &str = "BEHEST_TTL";
/// The issuer in locally signed tokens; `https://api.behest.ai` when unset.
pub const ISSUER: &str = "BEHEST_ISSUER";
/// The audience in locally signed tokens; `behest` when unset.
pub const AUDIENCE: &str = "BEHEST_AUDIENCE";
/// What a program that holds the client writes to standard error of its work: a level, or levels by module.
pub const LOG: &str = "BEHEST_LOG";
/// Set to anything, it keeps colours out of what is written.
pub const NO_COLOR: &str = "NO_COLOR";
/// The folder that holds stored credentials; the platform's configuration folder and `behest` when unset.
pub const CONFIG_DIR: &str = "BEHEST_CONFIG_DIR";

/// The master key of the gateway's secrets at rest: 64 hexadecimal digits or base64 of 32 bytes.
pub const ENCRYPTION_KEY: &str = "BEHEST_ENCRYPTION_KEY";
/// The master key that is to come: `behest providers rotate-master` seals everything anew under it.
pub const ENCRYPTION_KEY_NEW: &str = "BEHEST_ENCRYPTION_KEY_NEW";
/// The operator's secret; at least 32 characters.
pub const ADMIN_SECRET: &str = "BEHEST_ADMIN_SECRET";
/// The platform's key for OpenAI, or for the compatible server at [`OPENAI_BASE_URL`].
pub const OPENAI_API_KEY: &str = "OPENAI_API_KEY";
/// Where OpenAI, or a compatible server, answers, `/v1` included.
pub const OPENAI_BASE_URL: &str = "OPENAI_BASE_URL";
/// The platform's key for Anthropic.
pub const ANTHROPIC_API_KEY: &str = "ANTHROPIC_API_KEY";
/// Where Anthropic's interface answers.
pub const ANTHROPIC_BASE_URL: &str = "ANTHROPIC_BASE_URL";
/// The platform's key for Gemini.
pub const GEMINI_API_KEY: &str = "GEMINI_API_KEY";
/// The same, under the name that Google's own packages also read.
pub const GOOGLE_API_KEY: &str = "GOOGLE_API_KEY";
/// Where Gemini's interface answers, the version included.
pub const GEMINI_BASE_URL: &str = "GEMINI_BASE_URL";
/// The file with the platform's service account for Vertex, under the name that Google's own packages read.
pub const GOOGLE_APPLICATION_CREDENTIALS: &str = "GOOGLE_APPLICATION_CREDENTIALS";
/// The project of Google Cloud that pays for Vertex; the service account's own when unset.
pub const GOOGLE_CLOUD_PROJECT: &str = "GOOGLE_CLOUD_PROJECT";
/// Where Vertex answers: `global`, `us`, `eu` or a region; `global` when unset.
pub const VERTEX_LOCATION: &str = "VERTEX_LOCATION";
/// The same, under the name that Google's own packages read.
pub const GOOGLE_CLOUD_LOCATION: &str = "GOOGLE_CLOUD_LOCATION";
/// Another address for Vertex.
pub const VERTEX_BASE_URL: &str = "VERTEX_BASE_URL";
/// Host and port of the metadata server, under the name that Google's own packages read.
pub const GCE_METADATA_HOST: &str = "GCE_METADATA_HOST";
/// The platform's key for Cohere.
pub const COHERE_API_KEY: &str = "COHERE_API_KEY";
/// The same, under the name that Cohere's own packages read.
pub const CO_API_KEY: &str = "CO_API_KEY";
/// Where Cohere's interface answers.
pub const COHERE_BASE_URL: &str = "COHERE_BASE_URL";
/// The platform's key for Mistral.
pub const MISTRAL_API_KEY: &str = "MISTRAL_API_KEY";
/// Where Mistral's interface answers, `/v1` included.
pub const MISTRAL_BASE_URL: &str = "MISTRAL_BASE_URL";
/// The platform's key for Azure OpenAI.
pub const AZURE_OPENAI_API_KEY: &str = "AZURE_OPENAI_API_KEY";
/// Where the customer's resource of Azure OpenAI answers, as in `https://name.openai.azure.com`.
pub const AZURE_OPENAI_ENDPOINT: &str = "AZURE_OPENAI_ENDPOINT";
/// The platform's key for OpenRouter.
pub const OPENROUTER_API_KEY: &str = "OPENROUTER_API_KEY";
/// Where OpenRouter's interface answers, `/api/v1` included.
pub const OPENROUTER_BASE_URL: &str = "OPENROUTER_BASE_URL";

/// The user's home folder.
pub const HOME: &str = "HOME";
/// Where configuration lives on Linux; `~/.config` when unset.
pub const XDG_CONFIG_HOME: &str = "XDG_CONFIG_HOME";
/// Where configuration lives on Windows.
pub const APPDATA: &str = "APPDATA";

/// The variable's text, trimmed, or `None` when it is unset, blank, or not UTF-8.
#[must_use]
pub fn read(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    let text = std::env::var(name).ok()?;
    present(&text)
}

/// `text` trimmed, or `None` when nothing is left.
#[must_use]
pub fn present(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
