//! What an image's name says of its release.

use thiserror::Error;

use super::profile::Release;
use super::table::names;
use super::version::line_of;

/// Why nobody knows of which release an image is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UnknownRelease {
    /// A digest alone.
    #[error("{image} has no tag that names a release")]
    Digest {
        /// The image.
        image: String,
    },
    /// A version without a profile.
    #[error(
        "{image} is Aztec {version}, for which there is no profile (there are {}; the nearest is {nearest})",
        names()
    )]
    Version {
        /// The image.
        image: String,
        /// The version.
        version: String,
        /// The profile that is most like it.
        nearest: &'static Release,
    },
    /// The tag and `network.release` say different things.
    #[error("{image} is of release {tagged}, and network.release is {said}")]
    Contradiction {
        /// The image.
        image: String,
        /// By its tag.
        tagged: &'static Release,
        /// By the values.
        said: &'static Release,
    },
}

impl Release {
    /// The release of an image: by its tag, else the one that is `said` (`network.release`). A tag that is no version says
    /// nothing: then it is the newest that networks were run of.
    ///
    /// # Errors
    /// [`UnknownRelease`].
    pub fn of_image(
        image: &str,
        said: Option<&'static Self>,
    ) -> Result<&'static Self, UnknownRelease> {
        let tag = tag(image);
        let tagged = tag.and_then(Self::of_version);
        let unknown = match (tagged, said) {
            (Some(tagged), Some(said)) if tagged != said => UnknownRelease::Contradiction {
                image: image.to_owned(),
                tagged,
                said,
            },
            (Some(known), _) | (None, Some(known)) => return Ok(known),
            (None, None) => match tag {
                Some(tag) if line_of(tag).is_none() => return Ok(Self::newest_run()),
                Some(version) => UnknownRelease::Version {
                    image: image.to_owned(),
                    version: version.to_owned(),
                    nearest: Self::nearest(version),
                },
                None => UnknownRelease::Digest {
                    image: image.to_owned(),
                },
            },
        };
        Err(unknown)
    }

    /// `true`: the image's tag says nothing of its release.
    pub fn is_guessed(image: &str) -> bool {
        tag(image).is_some_and(|tag| line_of(tag).is_none())
    }
}

/// The tag of an image's name.
fn tag(image: &str) -> Option<&str> {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    let last = name.rsplit_once('/').map_or(name, |(_, last)| last);
    last.rsplit_once(':').map(|(_, tag)| tag)
}
