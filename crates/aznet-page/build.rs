//! Joins what pages are drawn with: the charting library, which npm gets as `package-lock.json` pins it, and the scripts
//! and the style sheet of `web/`. npm is asked once for each build folder; what it brings is checked against the pin.

use std::{error::Error, fs, io::Read, path::Path, process::Command};

use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256, Sha512};

/// What every page has: files in order; they share one scope with those that follow.
const SHARED: [&str; 5] = ["theme", "view", "tip", "panel", "page"];
/// What each page has besides.
const PAGES: [(&str, &[&str]); 2] = [
    (
        "report",
        &["data", "overview", "lanes", "lines", "rows", "main"],
    ),
    ("dashboards", &["dashboards"]),
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=web");
    let folder = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("web");
    let out = std::env::var("OUT_DIR")?;
    let out = Path::new(&out);
    let package = Package::open(&folder, out)?;
    for (page, own) in PAGES {
        let script = script(&folder, &package, own)?;
        put(out, &format!("{page}.js"), &page.to_uppercase(), &script)?;
    }
    let style =
        package.file("dist/uPlot.min.css")? + &fs::read_to_string(folder.join("style.css"))?;
    put(out, "style.css", "STYLE", &style)?;
    Ok(())
}

fn script(folder: &Path, package: &Package, own: &[&str]) -> Result<String, Box<dyn Error>> {
    let mut script = format!(
        "/*\n{}*/\n{}\n(() => {{\n\"use strict\";\n",
        package.file("LICENSE")?,
        package.file("dist/uPlot.iife.min.js")?
    );
    for name in SHARED.iter().chain(own) {
        script += &fs::read_to_string(folder.join("src").join(name).with_extension("js"))?;
    }
    script += "})();\n";
    if script.to_lowercase().contains("</script") {
        return Err("the script would end the element it is in".into());
    }
    Ok(script)
}

/// Writes a part of pages, and tells the compiler the hash by which the page allows it.
fn put(out: &Path, file: &str, name: &str, text: &str) -> Result<(), Box<dyn Error>> {
    let hash = STANDARD.encode(Sha256::digest(text.as_bytes()));
    println!("cargo::rustc-env=PAGE_{name}_HASH=sha256-{hash}");
    fs::write(out.join(file), text)?;
    Ok(())
}

/// The charting library as its registry serves it.
struct Package(Vec<u8>);

impl Package {
    /// The one that the lock file in `folder` pins, kept in `out`; refused if it is another.
    fn open(folder: &Path, out: &Path) -> Result<Self, Box<dyn Error>> {
        let lock = fs::read(folder.join("package-lock.json"))?;
        let lock: serde_json::Value = serde_json::from_slice(&lock)?;
        let pin = &lock["packages"]["node_modules/uplot"];
        let version = pin["version"].as_str().ok_or("uplot is not pinned")?;
        let place = out.join(format!("uplot-{version}.tgz"));
        if !place.exists() {
            fetch(version, out)?;
        }
        let archive = fs::read(place)?;
        let hash = format!("sha512-{}", STANDARD.encode(Sha512::digest(&archive)));
        if pin["integrity"] != hash.as_str() {
            return Err(format!("uplot-{version}.tgz is not what package-lock.json pins").into());
        }
        Ok(Self(archive))
    }

    fn file(&self, name: &str) -> Result<String, Box<dyn Error>> {
        let wanted = Path::new("package").join(name);
        for entry in tar::Archive::new(GzDecoder::new(self.0.as_slice())).entries()? {
            let mut entry = entry?;
            if entry.path()? == wanted {
                let mut text = String::new();
                entry.read_to_string(&mut text)?;
                return Ok(text);
            }
        }
        Err(format!("uplot has no {name}").into())
    }
}

/// Has npm put the package into `out`.
fn fetch(version: &str, out: &Path) -> Result<(), Box<dyn Error>> {
    let package = format!("uplot@{version}");
    let npm = Command::new("npm")
        .args(["pack", "--silent", "--pack-destination"])
        .arg(out)
        .arg(&package)
        .current_dir(out)
        .output()
        .map_err(|error| format!("npm is needed to get {package}: {error}"))?;
    if npm.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&npm.stderr);
    Err(format!("npm could not get {package}: {}", words.trim()).into())
}
