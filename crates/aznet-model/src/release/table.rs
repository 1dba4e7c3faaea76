//! The profiles, and how one is found.

use serde::{Deserialize, Deserializer, Serialize};

use super::profile::{Proof, Release};
use super::version::{line_of, order};
use super::{v4_1, v5_2, v6_0};
use crate::slashing::Offence;

/// All lines, the oldest first.
pub const ALL: [&Release; 3] = [&v4_1::RELEASE, &v5_2::RELEASE, &v6_0::RELEASE];

impl Release {
    /// The line of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.into_iter().find(|release| release.name == name)
    }

    /// The newest that networks were run of: what an image is taken for whose tag says nothing of its release.
    pub fn newest_run() -> &'static Self {
        let run = ALL
            .into_iter()
            .rev()
            .find(|release| release.proof == Proof::Run);
        run.unwrap_or(Self::oldest())
    }

    /// The oldest: what networks have that don't say which.
    pub const fn oldest() -> &'static Self {
        ALL[0]
    }

    /// What a network's settings ([`crate::config::FILE`]) say, whatever version they are of.
    pub fn of_config(text: &str) -> &'static Self {
        #[derive(Deserialize)]
        struct Settings {
            release: String,
        }
        let settings = serde_json::from_str::<Settings>(text).ok();
        let named = settings.and_then(|settings| Self::named(&settings.release));
        named.unwrap_or(Self::oldest())
    }

    /// The line that a version of Aztec belongs to.
    pub fn of_version(version: &str) -> Option<&'static Self> {
        line_of(version).and_then(|line| Self::named(&line))
    }

    /// The line that is most like a version: one of the same major, else the newest that is not newer, else the oldest.
    pub fn nearest(version: &str) -> &'static Self {
        let wanted = order(version);
        let newest = |like: &dyn Fn([u64; 2]) -> bool| {
            let mut newest_first = ALL.into_iter().rev();
            newest_first.find(|release| like(order(release.version)))
        };
        newest(&|known| known[0] == wanted[0])
            .or_else(|| newest(&|known| known <= wanted))
            .unwrap_or(Self::oldest())
    }

    /// The lines that have an offence, by name.
    pub fn with_offence(offence: Offence) -> Vec<&'static str> {
        let have = |release: &&Self| release.offences.iter().any(|(known, _)| *known == offence);
        let with = ALL.into_iter().filter(have);
        with.map(|release| release.name).collect()
    }
}

/// The names of all lines, for messages.
pub fn names() -> String {
    ALL.map(|release| release.name).join(", ")
}

/// What the chart must know of releases, as its templates read it: JSON.
pub fn for_chart() -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    #[expect(
        clippy::struct_excessive_bools,
        reason = "each is an independent trait of a release"
    )]
    struct Line {
        name: &'static str,
        wallet: bool,
        test_accounts_need_deployment: bool,
        bots_with_test_accounts: u32,
        taken_for_unnamed: bool,
        tips: &'static str,
        tells_own_slashing: bool,
        tells_low_balance: bool,
    }
    let unnamed = Release::newest_run();
    let lines = ALL.map(|release| Line {
        name: release.name,
        wallet: release.wallet,
        test_accounts_need_deployment: release.test_accounts.need_deployment,
        bots_with_test_accounts: release.test_accounts.bots,
        taken_for_unnamed: release == unnamed,
        tips: release.methods.tips,
        tells_own_slashing: release.tells_own_slashing,
        tells_low_balance: release.tells_low_balance,
    });
    let mut text = serde_json::to_string_pretty(&lines).unwrap_or_default();
    text.push('\n');
    text
}

impl<'de> Deserialize<'de> for &'static Release {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Release::named(&name).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "`{name}` is no release of Aztec that is known here ({}): network.release names one",
                names()
            ))
        })
    }
}
