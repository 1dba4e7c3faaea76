/// Why there are no such settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// The file is not as it must be.
    #[error("invalid settings in {file}")]
    File {
        /// The file.
        file: String,
        /// With line and column.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// No profile has this name.
    #[error("there is no profile `{name}`{}; there are `{}`", said_by(inherited_by.as_deref()), known.join("`, `"))]
    Unknown {
        /// The name.
        name: String,
        /// The profile that inherits it, if it was not asked for.
        inherited_by: Option<String>,
        /// The profiles that there are.
        known: Vec<String>,
        /// The name that may have been meant.
        nearest: Option<String>,
    },
    /// Profiles inherit each other.
    #[error("profiles inherit each other: {}", .0.join(" → "))]
    Circle(Vec<String>),
}

fn said_by(profile: Option<&str>) -> String {
    profile.map_or_else(String::new, |name| format!(", which `{name}` inherits"))
}
