//! The pxe's wallet of 5.2 against the types that Aztec.js 5.2 publishes.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::packages::package;

/// What the wallet is written against, with the place where it is looked for.
const PACKAGES: [(&str, &str); 6] = [
    ("@aztec/aztec.js", "5.2.0"),
    ("@aztec/foundation", "5.2.0"),
    ("@types/node", "24.10.1"),
    ("typescript", "5.9.3"),
    ("undici-types", "7.16.0"),
    ("zod", "4.1.12"),
];

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder of the build");
    for entry in fs::read_dir(from).expect("a folder of the pxe") {
        let entry = entry.expect("an entry");
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).expect("a folder of the build");
        }
    }
}

/// The pxe's sources beside the packages of 5.2.
fn project() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder of the build");
    let place = folder.path().to_owned();
    let pxe = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pxe");
    for part in ["src", "types"] {
        copy(&pxe.join(part), &place.join(part));
    }
    for file in ["package.json", "tsconfig.json", "tsconfig.v5_2.json"] {
        fs::copy(pxe.join(file), place.join(file)).expect("a folder of the build");
    }
    for (name, version) in PACKAGES {
        let link = place.join("node_modules").join(name);
        let scope = link.parent().expect("a folder");
        fs::create_dir_all(scope).expect("a folder of the build");
        symlink(package(name, version), link).expect("a folder of the build");
    }
    (folder, place)
}

fn compile(place: &Path) -> Result<(), String> {
    let mut node = Command::new("node");
    node.arg("node_modules/typescript/bin/tsc")
        .args(["--project", "tsconfig.v5_2.json", "--preserveSymlinks"])
        .current_dir(place);
    let output = node.output().expect("node starts");
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        Ok(())
    } else {
        Err(words)
    }
}

#[test]
fn it_is_typed_by_the_packages_of_its_release() {
    let (_folder, place) = project();
    compile(&place).unwrap_or_else(|words| panic!("{words}"));
    let module = place.join("src/wallets/v5_2.ts");
    let text = fs::read_to_string(&module).expect("the module");
    for (ours, other) in [
        // As it was in 4.1.
        ("initializationStatus", "isContractInitialized"),
        ("NO_FROM", "NO_SENDER"),
        (
            "createSchnorrInitializerlessAccount",
            "createSchnorrAccount",
        ),
    ] {
        fs::write(&module, text.replace(ours, other)).expect("a folder of the build");
        compile(&place).expect_err(other);
    }
}
