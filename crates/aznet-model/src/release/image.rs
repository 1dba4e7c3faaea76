//! What an image's name says of its release.

use thiserror::Error;

use super::{Release, names};

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

/// The line of a version: `4.1` of `4.1.2`, `v4.1.2` or `4.1.2-arm64`; `None` for what is no version.
pub fn line_of(version: &str) -> Option<String> {
    let numbers = numbers(version)?;
    Some(format!("{}.{}", numbers[0], numbers[1]))
}

/// What versions are ordered by.
pub(super) fn order(version: &str) -> [u64; 2] {
    let numbers = numbers(version);
    numbers.map_or([0; 2], |numbers| [numbers[0], numbers[1]])
}

fn numbers(version: &str) -> Option<[u64; 3]> {
    let version = version.strip_prefix('v').unwrap_or(version);
    let plain = version.split_once('-').map_or(version, |(plain, _)| plain);
    let parts: Vec<&str> = plain.split('.').collect();
    let number = |part: &&str| {
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        digits && (1..=4).contains(&part.len()) && (part.len() == 1 || !part.starts_with('0'))
    };
    if parts.len() != 3 || !parts.iter().all(number) {
        return None;
    }
    let mut numbers = [0; 3];
    for (number, part) in numbers.iter_mut().zip(parts) {
        *number = part.parse().ok()?;
    }
    Some(numbers)
}
