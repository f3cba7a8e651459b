//! What detection costs: `cargo bench --bench detect` measures whole texts and texts in pieces with the rules
//! of `detections.toml` (or another file: `cargo bench --bench detect -- FILE`).
//!
//! It must measure what a call pays: judging, counting and redacting, with states that are already built.

#![expect(clippy::print_stdout, reason = "tables are what this program is for")]
#![expect(clippy::expect_used, reason = "without rules there is nothing to measure")]

use bytes::Bytes;
use portcullis::{
    detect::{
        Audience, CorrelationKey, Detections, Lane, Profile, StreamScreen, StreamSettings, Tally,
        judge, read,
    },
    openai::find,
    policy::SourceFile,
    types::{Lifecycle, TextSurface},
};
use std::{
    env, fs,
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

const PROSE: &str = "The committee met on the first Tuesday of March to look at what the pilot had taught them. \
Most of the schools had kept a diary, and several teachers wrote that the second week was harder than the first: \
pupils who had been curious began to ask why the answers were so long, and whether anybody checked them. One \
headmistress (from a small town near the coast) sent twelve pages of notes, a floor plan and a list of 48 \
questions that nobody had been able to answer. \"We don't mind being wrong,\" she wrote, \"but we would like to \
know it before Friday.\" It was agreed that a summary should go out within ten days, that the budget of 12,500 \
euros would be kept, and that the next meeting should take place online. ";

const CODE: &str = r#"{"id": "item_0042", "type": "message", "created_at": "2024-05-17T09:31:22Z", "tags": ["alpha", "beta-2"],
 "url": "https://example.com/api/v2/items/42?sort=asc&limit=100", "size": 182734, "ratio": 0.8125, "ok": true}
fn total(items: &[Item]) -> Result<u64, Error> {
    let mut sum = 0; // overflow is checked below
    for (index, item) in items.iter().enumerate() {
        sum = sum.checked_add(item.price_cents * 3 + 17).ok_or(Error::Overflow(index))?;
    }
    Ok(sum)
}
SELECT u.id, u.name, count(*) AS n FROM users u JOIN orders o ON o.user_id = u.id WHERE o.total > 99.50 GROUP BY 1, 2;
"#;

fn main() {
    // `cargo test --all-targets` runs this too, with arguments meant for tests.
    if !env::args().any(|argument| argument == "--bench") {
        println!("measures only under: cargo bench --bench detect");
        return;
    }
    let file = env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let rules = match file {
        Some(path) => fs::read_to_string(path).expect("the file can be read"),
        None => fs::read_to_string("detections.toml").unwrap_or_else(|_| many_rules()),
    };
    let start = Instant::now();
    let noting = profile(&rules);
    println!("{:>9} rules, compiled in {:.0?}", noting.detections().rules().len(), start.elapsed());
    let inline = "\n[[override]]\nrules = [\"*\"]\naction = \"redact\"\n";
    let acting = profile(&format!("{rules}{inline}"));

    for (name, sample) in [("prose", PROSE), ("JSON and code", CODE)] {
        let short: String = sample.chars().take(600).collect();
        let long = sample.repeat(100_000 / sample.len() + 1);
        let short_time = per_call(100, || whole(&noting, &short));
        let long_time = per_call(2, || whole(&noting, &long));
        println!("{:>9.2?} per prompt of 600 bytes, {name}", short_time);
        println!("{:>9.2?} per prompt of {} bytes, {name}", long_time, long.len());
        let (middle, late, largest) = pieces(&acting, &long);
        println!(
            "{middle:>9.2?} per piece of 4 bytes, {name}: median; 99 of 100 within {late:.2?}, all within {largest:.2?}"
        );
        for (how, profile) in [("inline", &acting), ("noting", &noting)] {
            let (middle, late, largest) = chunks(profile, &long);
            println!(
                "{middle:>9.2?} per streamed chunk of 4 bytes, {name}, {how}: median; 99 of 100 within {late:.2?}, all within {largest:.2?}"
            );
        }
    }
    println!("{:>9} bytes per idle text in pieces", size_of::<Lane>());
}

fn profile(rules: &str) -> Arc<Profile> {
    let file = read(&SourceFile::new("detections.toml", rules)).expect("the rules can be read");
    let key = CorrelationKey::new([1; 32]);
    let detections =
        Arc::new(Detections::build(file, Some(key)).expect("the rules can be compiled"));
    detections.profile(&Audience { roles: &[], app_context: None, detectors: &[], steps_up: false })
}

/// The mean of the quickest of forty rounds: the machine has other work too.
fn per_call(times: u32, mut call: impl FnMut()) -> Duration {
    (0..40).fold(Duration::MAX, |quickest, _| {
        let start = Instant::now();
        (0..times).for_each(|_| call());
        quickest.min(start.elapsed() / times)
    })
}

fn whole(profile: &Profile, text: &str) {
    let mut tally = Tally::new();
    black_box(judge(profile, Lifecycle::Ingress, TextSurface::User, black_box(text), &mut tally));
    black_box(tally);
}

/// Median, 99th percentile and maximum of what a piece takes.
fn pieces(profile: &Arc<Profile>, text: &str) -> (Duration, Duration, Duration) {
    let mut times = Vec::new();
    for _ in 0..2 {
        times.clear();
        let mut lane = Lane::new(profile, Lifecycle::Egress, TextSurface::Assistant, true);
        let (mut out, mut tally) = (String::new(), Tally::new());
        let mut rest = text;
        while let Some((piece, after)) = rest.split_at_checked(4) {
            let start = Instant::now();
            // Nothing here stops.
            let _ = lane.push(black_box(piece), &mut out, &mut tally);
            times.push(start.elapsed());
            rest = after;
        }
    }
    times.sort_unstable();
    let at = |share: usize| times.get((times.len() - 1) * share / 100).copied().unwrap_or_default();
    (at(50), at(99), at(100))
}

/// The same of an event of a streamed chat completion.
fn chunks(profile: &Arc<Profile>, text: &str) -> (Duration, Duration, Duration) {
    let route = find("POST", "/chat/completions", false).expect("the endpoint is known");
    let settings = StreamSettings { inline: true, held_bytes: 65_536 };
    let mut times = Vec::new();
    for _ in 0..2 {
        times.clear();
        let mut screen = StreamScreen::new(Arc::clone(profile), None, route.endpoint, settings);
        let (mut out, mut rest) = (Vec::new(), text);
        while let Some((piece, after)) = rest.split_at_checked(4) {
            let chunk = serde_json::json!({
                "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "gpt-4o-2024-08-06",
                "choices": [{"index": 0, "delta": {"content": piece}, "logprobs": null, "finish_reason": null}],
            });
            let event = Bytes::from(format!("data: {chunk}\n\n"));
            let start = Instant::now();
            screen.feed(black_box(event), &mut out).expect("nothing here stops");
            times.push(start.elapsed());
            out.clear();
            rest = after;
        }
    }
    times.sort_unstable();
    let at = |share: usize| times.get((times.len() - 1) * share / 100).copied().unwrap_or_default();
    (at(50), at(99), at(100))
}

/// Rules of the usual kinds, where no file has any.
fn many_rules() -> String {
    let rule = |id: String, pattern: String, example: String| {
        format!(
            "[[rule]]\nid = \"{id}\"\ntype = \"CUSTOM\"\nseverity = \"LOW\"\npattern = '{pattern}'\nmatches = ['{example}']\nclean = ['-']\n"
        )
    };
    let keys = (0..250)
        .map(|n| rule(format!("key-{n}"), format!("k{n}[a-z]_[A-Za-z0-9]{{24,48}}"), "-".into()));
    let phrases = (0..80).map(|n| {
        let pattern = format!("(?i)(?:forget|ignore|leave out) (?:all|the|your) {{0,3}}rule{n}");
        rule(format!("phrase-{n}"), pattern, "-".into())
    });
    let numbers = (0..20).map(|n| {
        rule(format!("number-{n}"), format!("[0-9]{{3}}-[0-9]{{2,{}}}", n + 3), "-".into())
    });
    keys.chain(phrases).chain(numbers).collect()
}
