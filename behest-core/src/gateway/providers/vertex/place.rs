//! Where Vertex answers: a project in a location.

/// Everywhere at once.
pub const GLOBAL: &str = "global";
/// Where the global endpoint is; another address is one that the operator set, and holds for every location.
pub const PUBLIC: &str = "https://aiplatform.googleapis.com";

/// A project in a location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    project: String,
    location: String,
}

/// Why a project or a location cannot stand in an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPlace {
    /// The project.
    #[error("the project has 1 to 128 letters, digits, `-`, `.` and `:`")]
    Project,
    /// The location.
    #[error("the location has 1 to 64 small letters, digits and `-`, as in `global`, `eu` or `europe-west4`")]
    Location,
}

impl Place {
    /// A project in a location; in all of them where none is given.
    ///
    /// # Errors
    /// [`BadPlace`] for a name that could lead elsewhere.
    pub fn new(project: &str, location: Option<&str>) -> Result<Self, BadPlace> {
        let location = location.unwrap_or(GLOBAL);
        let fits = |text: &str, most: usize, plain: fn(u8) -> bool| {
            (1..=most).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with('.')
        };
        if !fits(project, 128, |byte| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte)) {
            return Err(BadPlace::Project);
        }
        if !fits(location, 64, |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') {
            return Err(BadPlace::Location);
        }
        Ok(Self { project: project.to_owned(), location: location.to_owned() })
    }

    /// Where Google's models are, without a slash at the end. A location has a host of its own, and so have the two that
    /// span several regions.
    #[must_use]
    pub fn models(&self, base_url: &str, version: &str) -> String {
        let Self { project, location } = self;
        let host = match location.as_str() {
            _ if base_url != PUBLIC => base_url.to_owned(),
            GLOBAL => PUBLIC.to_owned(),
            "us" | "eu" => format!("https://aiplatform.{location}.rep.googleapis.com"),
            region => format!("https://{region}-aiplatform.googleapis.com"),
        };
        format!("{host}/{version}/projects/{project}/locations/{location}/publishers/google/models")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_location_has_its_host() {
        for (location, wanted) in [
            (None, "https://aiplatform.googleapis.com/v1/projects/p-1/locations/global/"),
            (Some("eu"), "https://aiplatform.eu.rep.googleapis.com/v1/projects/p-1/locations/eu/"),
            (Some("us"), "https://aiplatform.us.rep.googleapis.com/v1/projects/p-1/locations/us/"),
            (
                Some("europe-west4"),
                "https://europe-west4-aiplatform.googleapis.com/v1/projects/p-1/locations/europe-west4/",
            ),
        ] {
            let place = Place::new("p-1", location).expect("a place");
            assert_eq!(place.models(PUBLIC, "v1"), format!("{wanted}publishers/google/models"));
            let elsewhere = place.models("http://127.0.0.1:7", "v1beta1");
            assert!(elsewhere.starts_with("http://127.0.0.1:7/v1beta1/projects/p-1/"));
        }
    }

    #[test]
    fn no_name_leads_elsewhere() {
        for project in ["", "a/b", "a?b", "..", "a b", "a%2f"] {
            assert_eq!(Place::new(project, None), Err(BadPlace::Project), "{project}");
        }
        for location in ["", "evil.example/", "us.evil", "US", "a#", "a@b"] {
            assert_eq!(Place::new("example.com:p", Some(location)), Err(BadPlace::Location), "{location}");
        }
    }
}
