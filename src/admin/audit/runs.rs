//! Verifications that an administrator starts and looks after: one at a time.
//!
//! Owns what is known of the last one, until the next begins or the process ends. It must never let a second one begin
//! while one runs: each may read the whole record.

use super::{
    super::AdminError,
    Own,
    shown::{self, VerdictView},
};
use crate::config::Config;
use crate::store::Store;
use crate::types::{UnixMillis, text_enum};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};
use uuid::Uuid;

/// From when, until when.
pub type Range = (Option<UnixMillis>, Option<UnixMillis>);

text_enum! {
    /// How far a verification is.
    RunState {
        /// It reads.
        Running = "running",
        /// It has its verdict.
        Done = "done",
        /// It could not be done.
        Failed = "failed",
    }
}

/// The verifications of this process. Clones share them.
#[derive(Clone, Debug)]
pub struct Runs {
    config: Arc<Config>,
    last: Arc<Mutex<Option<Run>>>,
}

#[derive(Clone, Debug)]
struct Run {
    id: Uuid,
    range: Range,
    records: Arc<AtomicU64>,
    started_at: UnixMillis,
    /// When it ended, and the verdict or why there is none.
    end: Option<(UnixMillis, Result<VerdictView, String>)>,
}

/// A verification as it stands.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[schemars(rename = "Verification")]
pub struct RunView {
    /// Its id.
    #[schemars(with = "String", extend("format" = "uuid"))]
    pub id: Uuid,
    /// How far it is.
    pub state: RunState,
    /// Records written from this moment on; null: from the first.
    pub from: Option<UnixMillis>,
    /// Records written before this moment; null: to the last.
    pub to: Option<UnixMillis>,
    /// Records looked at.
    pub records: u64,
    /// When it began.
    pub started_at: UnixMillis,
    /// When it ended.
    pub finished_at: Option<UnixMillis>,
    /// What it found, when it is done.
    pub verdict: Option<VerdictView>,
    /// Why it could not be done, when it failed.
    pub error: Option<String>,
}

/// The right, and the duty, to run the verification that was begun.
#[derive(Debug)]
pub struct Begun {
    runs: Runs,
    id: Uuid,
    range: Range,
    records: Arc<AtomicU64>,
}

impl Runs {
    /// No verification yet. The configuration says where key and checkpoints are.
    pub fn new(config: Config) -> Self {
        Self { config: Arc::new(config), last: Arc::default() }
    }

    /// Begins one, or says which one runs.
    pub fn begin(&self, range: Range, now: UnixMillis) -> Result<Begun, Uuid> {
        let mut last = self.last();
        if let Some(Run { id, end: None, .. }) = &*last {
            return Err(*id);
        }
        let (id, records) = (Uuid::now_v7(), Arc::<AtomicU64>::default());
        let run = Run { id, range, records: Arc::clone(&records), started_at: now, end: None };
        *last = Some(run);
        drop(last);
        Ok(Begun { runs: self.clone(), id, range, records })
    }

    /// How this one is, or the last one when no id is given.
    pub fn show(&self, id: Option<Uuid>) -> Option<RunView> {
        let run = self.last().clone().filter(|run| id.is_none_or(|id| run.id == id))?;
        let finished_at = run.end.as_ref().map(|(at, _)| *at);
        let (state, verdict, error) = match run.end.map(|(_, end)| end) {
            None => (RunState::Running, None, None),
            Some(Ok(verdict)) => (RunState::Done, Some(verdict), None),
            Some(Err(error)) => (RunState::Failed, None, Some(error)),
        };
        Some(RunView {
            id: run.id,
            state,
            from: run.range.0,
            to: run.range.1,
            records: run.records.load(Ordering::Relaxed),
            started_at: run.started_at,
            finished_at,
            verdict,
            error,
        })
    }

    fn end(&self, id: Uuid, end: Result<VerdictView, String>) {
        let mut last = self.last();
        if let Some(run) = last.as_mut().filter(|run| run.id == id && run.end.is_none()) {
            run.end = Some((crate::clock::now(), end));
        }
    }

    /// Nobody panics while holding it.
    fn last(&self) -> MutexGuard<'_, Option<Run>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Begun {
    /// Which one.
    pub const fn id(&self) -> Uuid {
        self.id
    }

    /// Runs it to its end, or until `is_stopping`. Blocks.
    pub fn run(self, store: &Store, is_stopping: impl Fn() -> bool) {
        let verdict = self.verdict(store, is_stopping);
        if let Err(error) = &verdict {
            tracing::warn!(%error, "a verification of the record could not be done");
        }
        self.runs.end(self.id, verdict.map_err(|error| error.to_string()));
    }

    fn verdict(
        &self,
        store: &Store,
        is_stopping: impl Fn() -> bool,
    ) -> Result<VerdictView, AdminError> {
        let own = Own::read(&self.runs.config)?;
        let trust = own.trust(Vec::new(), store)?;
        let mut verification = own.verify(store, &trust, Vec::new(), crate::clock::now());
        verification.range = self.range;
        let verdict = verification.run(&mut |records, _| {
            self.records.store(records, Ordering::Relaxed);
            if is_stopping() { Err(AdminError::Stopping) } else { Ok(()) }
        })?;
        self.records.store(verdict.records, Ordering::Relaxed);
        Ok(shown::verdict(&verdict))
    }
}

/// However it ends, another one can begin.
impl Drop for Begun {
    fn drop(&mut self) {
        self.runs.end(self.id, Err("it broke off; the log may say why".to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Inputs, resolve};

    fn runs() -> Runs {
        let inputs = Inputs { file: None, environment: &[], overrides: &[], host_name: "h" };
        Runs::new(resolve(&inputs).unwrap().config)
    }

    const NOW: UnixMillis = UnixMillis(1_795_233_600_000);

    #[test]
    fn one_runs_at_a_time_and_the_last_one_is_remembered() {
        let runs = runs();
        assert!(runs.show(None).is_none());
        let first = runs.begin((None, None), NOW).unwrap();
        let id = first.id();
        assert_eq!(runs.begin((None, None), NOW).unwrap_err(), id);
        first.records.store(7, Ordering::Relaxed);
        let shown = runs.show(Some(id)).unwrap();
        assert_eq!((shown.state, shown.records), (RunState::Running, 7));
        drop(first);
        let shown = runs.show(Some(id)).unwrap();
        assert_eq!(shown.state, RunState::Failed);
        assert!(shown.verdict.is_none());
        let second = runs.begin((Some(NOW), None), NOW).unwrap();
        assert!(runs.show(Some(id)).is_none(), "only the last one is kept");
        assert_eq!(runs.show(None).unwrap().id, second.id());
    }
}
