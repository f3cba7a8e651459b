//! The map is law: what `src/ARCHITECTURE.md` says of the rooms holds in the code.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

const MAX_LINES: usize = 300;
const PURE: [&str; 9] =
    ["types", "openai", "identity", "trust", "tokens", "ledger", "policy", "export", "detect"];
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
        code: without_tests(&text).to_owned(),
        path: below.to_owned(),
    }
}

/// Everything before the module of tests that ends the file, if one does.
fn without_tests(text: &str) -> &str {
    let Some(at) = text.rfind("\n#[cfg(test)]\nmod tests") else { return text };
    let tests = text[at..].trim_end();
    let is_last = tests.ends_with("mod tests;") || tests.find("\n}") == Some(tests.len() - 2);
    if is_last { &text[..=at] } else { text }
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

/// The paths that a piece of code names below `root`, each as its segments, braces resolved.
fn paths<'c>(code: &'c str, root: &str) -> Vec<Vec<&'c str>> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices(root).filter(|(at, _)| !code[..*at].ends_with("::")) {
        read_tree(&code[at + root.len()..], &[], &mut found);
    }
    found
}

/// Reads `a::{b, c::{d, e}}` and returns what follows it.
fn read_tree<'c>(code: &'c str, path: &[&'c str], found: &mut Vec<Vec<&'c str>>) -> &'c str {
    if let Some(mut rest) = code.strip_prefix('{') {
        loop {
            rest = rest.trim_start_matches(|sign: char| sign == ',' || sign.is_whitespace());
            if rest.is_empty() || rest.starts_with('}') {
                return rest.strip_prefix('}').unwrap_or(rest);
            }
            rest = read_tree(rest, path, found);
            // What an entry is renamed to does not matter.
            rest = &rest[rest.find([',', '}']).unwrap_or(rest.len())..];
        }
    }
    let end = code.find(|sign: char| !sign.is_alphanumeric() && sign != '_');
    let (name, rest) = code.split_at(end.unwrap_or(code.len()));
    let path = [path, &[name]].concat();
    match rest.strip_prefix("::") {
        Some(rest) => read_tree(rest, &path, found),
        None => {
            found.push(path);
            rest
        }
    }
}

/// The top-level modules that a piece of code names as `crate::x`, braces included.
fn imports(code: &str) -> BTreeSet<String> {
    paths(code, "crate::")
        .into_iter()
        .flat_map(|path| path.first().map(|name| (*name).to_owned()))
        .collect()
}

/// The actors that a file below `actors`, so many directories deep, names as `crate::actors::x` or
/// by `super`.
fn named_actors(code: &str, depth: usize) -> BTreeSet<String> {
    let by_crate =
        paths(code, "crate::").into_iter().filter(|path| path.first() == Some(&"actors"));
    let by_crate = by_crate.filter_map(|path| path.get(1).copied());
    let by_super = paths(code, "super::").into_iter().filter_map(|path| {
        let ups = 1 + path.iter().take_while(|name| **name == "super").count();
        path.get(ups - 1).copied().filter(|_| ups == depth)
    });
    by_crate.chain(by_super).map(str::to_owned).collect()
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
    let nested = "use crate::{bus::{audit::{Closed, Told}, auth},\n    trust as t, types};";
    let found: Vec<_> = imports(nested).into_iter().collect();
    assert_eq!(found, ["bus", "trust", "types"]);
}

#[test]
fn the_reader_of_actors_sees_every_form() {
    for (code, depth) in [
        ("use crate::actors::auth::AuthActor;", 1),
        ("use crate::{actors::{auth, keep}, bus};", 2),
        ("use super::auth::AuthActor;", 1),
        ("use super::{keep, auth::{A, B}};", 1),
        ("use super::super::auth;", 2),
        ("use super::{super::auth, Own};", 2),
    ] {
        assert!(named_actors(code, depth).contains("auth"), "{code}");
    }
    assert!(!named_actors("use super::auth;", 2).contains("auth"));
    assert!(!named_actors("use crate::bus::auth;", 1).contains("auth"));
}

#[test]
fn only_a_module_of_tests_at_the_end_is_cut_off() {
    let declared = "//! x\n#[cfg(test)]\nmod tests;\nmod users;\nfn f() {}\n";
    assert_eq!(without_tests(declared), declared);
    let helper = "//! x\n#[cfg(test)]\nfn helper() {}\nfn f() {}\n";
    assert_eq!(without_tests(helper), helper);
    let inline = "fn f() {}\n#[cfg(test)]\nmod tests {\n    fn t() {}\n}\n";
    assert_eq!(without_tests(inline), "fn f() {}\n");
    assert_eq!(without_tests("fn f() {}\n#[cfg(test)]\nmod tests;\n"), "fn f() {}\n");
    let followed = format!("{inline}fn g() {{}}\n");
    assert_eq!(without_tests(&followed), followed);
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
        let named = named_actors(&source.code, below.components().count());
        for other in actors.iter().filter(|other| own.trim_end_matches(".rs") != **other) {
            assert!(!named.contains(*other), "{} names {other}", source.path.display());
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
