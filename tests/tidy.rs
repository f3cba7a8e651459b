//! The map is law: what `src/ARCHITECTURE.md` says of the rooms holds in the code.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

const MAX_LINES: usize = 300;
const PURE: [&str; 6] = ["types", "openai", "identity", "trust", "policy", "detect"];
const NOT_IN_PURE: [&str; 8] =
    ["actix", "tokio", "awc::", "diesel", "std::fs", "std::net", "SystemTime", "Instant"];

struct Source {
    path: PathBuf,
    /// The top-level module that the file belongs to.
    module: String,
    /// Everything before the tests.
    code: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn sources() -> Vec<Source> {
    let mut paths = Vec::new();
    collect(&root().join("src"), &mut paths);
    paths.into_iter().map(source).collect()
}

fn collect(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn source(path: PathBuf) -> Source {
    let text = fs::read_to_string(&path).unwrap();
    let below = path.strip_prefix(root().join("src")).unwrap();
    let first = below.components().next().unwrap().as_os_str().to_str().unwrap();
    Source {
        module: first.trim_end_matches(".rs").to_owned(),
        code: text.split("#[cfg(test)]").next().unwrap().to_owned(),
        path: below.to_owned(),
    }
}

fn is_test(source: &Source) -> bool {
    let name = source.path.file_stem().unwrap().to_str().unwrap();
    matches!(name, "tests" | "testing")
}

/// The table of ranks in the map.
fn ranks() -> BTreeMap<String, u32> {
    let mut ranks = BTreeMap::new();
    for line in read("src/ARCHITECTURE.md").lines() {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let [_, rank, modules, ..] = cells.as_slice() else { continue };
        let Ok(rank) = rank.parse::<u32>() else { continue };
        for module in modules.split(", ") {
            ranks.insert(module.to_owned(), rank);
        }
    }
    ranks
}

/// The top-level modules that a piece of code names as `crate::x`, braces included.
fn imports(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let names = match rest.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap(),
            None => rest.split([':', ';', ' ', '(', ')', ',', '>', '<']).next().unwrap(),
        };
        for name in names.split(',') {
            let name = name.trim().split("::").next().unwrap();
            found.insert(
                name.trim_matches(|sign: char| !sign.is_alphanumeric() && sign != '_').to_owned(),
            );
        }
    }
    found.remove("");
    found
}

#[test]
fn a_module_imports_only_from_lower_ranks() {
    let ranks = ranks();
    assert!(ranks.len() > 10, "the table of ranks was not found");
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| !matches!(&*source.module, "lib" | "main")) {
        let own = ranks.get(&source.module);
        let own = own.unwrap_or_else(|| panic!("{} has no rank in the map", source.module));
        for import in imports(&source.code) {
            let Some(rank) = ranks.get(&import) else { continue };
            if import != source.module && rank >= own {
                broken.push(format!("{} imports {import}", source.path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn the_import_reader_sees_every_form() {
    let code =
        "use crate::{policy, bus::auth}; fn f() -> crate::store::Store { crate::clock::now() }";
    let found: Vec<_> = imports(code).into_iter().collect();
    assert_eq!(found, ["bus", "clock", "policy", "store"]);
}

#[test]
fn every_top_level_module_stands_in_the_map() {
    let ranked: BTreeSet<_> = ranks().into_keys().collect();
    let modules = read("src/lib.rs");
    let declared: BTreeSet<_> = modules
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .map(str::to_owned)
        .collect();
    assert_eq!(declared, ranked);
}

#[test]
fn no_actor_names_another() {
    let actors = ["audit", "auth", "broadcast", "policy", "upstream"];
    for source in sources().iter().filter(|source| source.path.starts_with("actors")) {
        let below = source.path.strip_prefix("actors").unwrap();
        let own = below.components().next().unwrap().as_os_str().to_str().unwrap();
        for other in actors.iter().filter(|other| own.trim_end_matches(".rs") != **other) {
            let named = format!("crate::actors::{other}");
            assert!(!source.code.contains(&named), "{} names {other}", source.path.display());
        }
    }
}

#[test]
fn every_contract_has_its_keeper() {
    let names = |directory: &str| -> BTreeSet<String> {
        fs::read_dir(root().join("src").join(directory))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".rs"))
            .collect()
    };
    assert_eq!(names("bus"), names("actors"));
}

#[test]
fn pure_rooms_know_no_runtime_no_file_and_no_clock() {
    for source in sources().iter().filter(|source| PURE.contains(&&*source.module)) {
        for word in NOT_IN_PURE.iter().filter(|_| !is_test(source)) {
            let uses = source.code.lines().filter(|line| !line.trim_start().starts_with("//"));
            for line in uses {
                assert!(!line.contains(word), "{}: {line}", source.path.display());
            }
        }
    }
}

#[test]
fn only_the_store_speaks_sql() {
    for source in sources().iter().filter(|source| source.module != "store") {
        assert!(!source.code.contains("diesel::"), "{}", source.path.display());
    }
}

#[test]
fn every_file_opens_with_what_it_owns() {
    for source in sources() {
        let opens = source.code.starts_with("//!") || source.code.starts_with("#![doc");
        assert!(opens, "{} does not open with //!", source.path.display());
        assert_ne!(source.path.file_name().unwrap(), "mod.rs", "we use foo.rs + foo/");
    }
}

#[test]
fn no_file_is_two_rooms() {
    for source in sources().iter().filter(|source| !is_test(source)) {
        let lines = source.code.lines().count();
        assert!(lines <= MAX_LINES, "{} has {lines} lines before its tests", source.path.display());
    }
    assert!(read("src/ARCHITECTURE.md").lines().count() <= 200);
}

#[test]
fn the_readme_shows_the_configuration_as_it_is() {
    let readme = read("README.md");
    let table = readme
        .split("<!-- configuration table -->\n")
        .nth(1)
        .and_then(|rest| rest.split("<!-- end of configuration table -->").next())
        .expect("README.md has no configuration table between its markers");
    assert_eq!(table.trim(), portcullis::config::markdown_table().trim());
}

#[test]
fn the_example_file_shows_the_configuration_as_it_is() {
    assert_eq!(read("portcullis.example.toml"), portcullis::config::example_toml());
}
