//! Keys: how they are made, kept, found and believed.

pub mod api_keys;
pub mod directory;
pub mod key_cache;
pub mod provider_keys;
pub mod read_through;
pub mod seal;
pub mod signing_keys;
