//! What every page has: its head, its policy, its script.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Serialize;

const STYLE: &str = include_str!(concat!(env!("OUT_DIR"), "/style.css"));

/// What draws a page in the browser: the charting library and our own files, made by the build script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// The report of a run of tests.
    Report,
    /// Dashboards.
    Dashboards,
}

impl Script {
    const fn text(self) -> &'static str {
        match self {
            Self::Report => include_str!(concat!(env!("OUT_DIR"), "/report.js")),
            Self::Dashboards => include_str!(concat!(env!("OUT_DIR"), "/dashboards.js")),
        }
    }

    const fn hash(self) -> &'static str {
        match self {
            Self::Report => env!("PAGE_REPORT_HASH"),
            Self::Dashboards => env!("PAGE_DASHBOARDS_HASH"),
        }
    }

    /// Only this script and the style sheet have an effect, and nothing is ever loaded.
    fn policy(self) -> String {
        let (script, style) = (self.hash(), env!("PAGE_STYLE_HASH"));
        format!(
            "default-src 'none'; img-src data:; script-src '{script}'; style-src '{style}'; base-uri 'none'; form-action 'none'"
        )
    }
}

/// A page.
#[derive(Debug)]
pub struct Page<'a> {
    /// Its title.
    pub title: &'a str,
    /// Colour of the dot that is its icon, as in `#1a7f4b`.
    pub colour: &'a str,
    /// What draws it.
    pub script: Script,
    /// All that is read without the script.
    pub body: Markup,
}

impl Page<'_> {
    /// The whole document. The script finds `data` in the element `data`.
    ///
    /// # Errors
    /// What serializing the data yields.
    pub fn document(&self, data: &impl Serialize) -> serde_json::Result<String> {
        // `<` would end the script's element in `</script>`, and change how it is read in `<!--`.
        let data = serde_json::to_string(data)?.replace('<', "\\u003c");
        let document = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(self.script.policy());
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) }
                    link rel="icon" href=(icon(self.colour));
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    (self.body)
                    script type="application/json" id="data" { (PreEscaped(data)) }
                    script { (PreEscaped(self.script.text())) }
                }
            }
        };
        Ok(document.into_string())
    }
}

/// A dot.
fn icon(colour: &str) -> String {
    let colour = colour.replace('#', "%23");
    format!(
        "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><circle cx='8' cy='8' r='7' fill='{colour}'/></svg>"
    )
}
