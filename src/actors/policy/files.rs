//! Reading the files that decide: the policy's two and the rules of detection.
//!
//! Owns what was read at one moment and what is built from it. It must never publish anything: that is the
//! watch's.

use crate::bus::policy::{DetectionsView, PolicyFault, PolicyView};
use crate::detect::{Audience, CorrelationKey, DetectionError, Detections, Profile};
use crate::policy::{Policy, PolicyError, SourceFile};
use crate::types::Sensitive;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// The two files of the policy.
#[derive(Clone, Debug)]
pub struct PolicyPaths {
    /// The Casbin model.
    pub model: PathBuf,
    /// The rules.
    pub file: PathBuf,
}

/// A policy that was built, and what the dashboard shows of it.
pub struct LoadedPolicy {
    /// The enforcer.
    pub policy: Arc<Policy>,
    /// Its texts and version.
    pub view: Arc<PolicyView>,
}

/// The two files as they were read at one moment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Sources {
    pub(super) model: String,
    pub(super) file: String,
}

impl Sources {
    /// Whether this policy was built from them.
    pub(super) fn are_of(&self, view: &PolicyView) -> bool {
        self.model == view.model_text && self.file == view.text
    }

    /// Whether they hold the text that was refused.
    pub(super) fn are_refused(&self, fault: &PolicyFault) -> bool {
        fault.text.as_ref().is_some_and(|text| *text == self.model || *text == self.file)
    }
}

impl PolicyPaths {
    /// Reads and builds the policy.
    pub fn load(&self) -> Result<LoadedPolicy, PolicyError> {
        self.build(&self.read()?)
    }

    /// Reads the model and the rules, by their names.
    pub fn sources(&self) -> Result<(SourceFile, SourceFile), PolicyError> {
        Ok(self.named(&self.read()?))
    }

    fn named(&self, sources: &Sources) -> (SourceFile, SourceFile) {
        (
            SourceFile::new(shown(&self.model), sources.model.as_str()),
            SourceFile::new(shown(&self.file), sources.file.as_str()),
        )
    }

    pub(super) fn read(&self) -> Result<Sources, PolicyError> {
        Ok(Sources { model: read(&self.model, CHECK)?, file: read(&self.file, CHECK)? })
    }

    pub(super) fn build(&self, sources: &Sources) -> Result<LoadedPolicy, PolicyError> {
        let (model, file) = self.named(sources);
        let policy = Policy::build(&model, &file)?;
        let view = PolicyView {
            version: Arc::clone(policy.version()),
            file: file.name,
            text: file.text,
            model_file: model.name,
            model_text: model.text,
            loaded_at: crate::clock::now(),
            error: None,
        };
        Ok(LoadedPolicy { policy: Arc::new(policy), view: Arc::new(view) })
    }
}

/// The file of the rules of detection, and the key that their findings are correlated with.
#[derive(Clone, Debug)]
pub struct DetectionsFile {
    /// The rules.
    pub path: PathBuf,
    /// Without a key, findings are not correlated.
    pub key: Option<Sensitive<[u8; 32]>>,
}

/// Rules of detection that were compiled and tried, and what the dashboard shows of them.
pub struct LoadedDetections {
    /// The rules.
    pub detections: Arc<Detections>,
    /// What they do for callers of whom no override speaks: made ready here, so that no call waits for it.
    pub common: Arc<Profile>,
    /// Their text and version.
    pub view: Arc<DetectionsView>,
}

impl DetectionsFile {
    /// Reads, compiles and tries the rules.
    pub fn load(&self) -> Result<LoadedDetections, Vec<DetectionError>> {
        self.build(self.source().map_err(|error| vec![error])?)
    }

    /// Reads the rules, by their name.
    pub fn source(&self) -> Result<SourceFile, DetectionError> {
        Ok(SourceFile::new(shown(&self.path), read(&self.path, CHECK_DETECTIONS)?))
    }

    pub(super) fn build(&self, file: SourceFile) -> Result<LoadedDetections, Vec<DetectionError>> {
        let key = self.key.as_ref().map(|key| CorrelationKey::new(*key.expose()));
        let detections = Detections::parse(&file, key)?;
        let view = DetectionsView {
            version: Arc::clone(detections.version()),
            file: file.name,
            text: file.text,
            template: detections.template(),
            rules: detections.rules().len(),
            loaded_at: crate::clock::now(),
            error: None,
        };
        let detections = Arc::new(detections);
        let anybody = Audience { roles: &[], app_context: None, detectors: &[], steps_up: false };
        let common = detections.profile(&anybody);
        common.prepare();
        Ok(LoadedDetections { detections, common, view: Arc::new(view) })
    }
}

const CHECK: &str = "check the path and its permissions";
const CHECK_DETECTIONS: &str = "check the path (detection.file) and its permissions; the rules come with Portcullis as detections.toml";

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn read(path: &Path, remedy: &str) -> Result<String, PolicyError> {
    let unreadable = |reason, remedy| PolicyError::file(shown(path), reason, remedy);
    let bytes = std::fs::read(path)
        .map_err(|error| unreadable(format!("cannot be read: {error}"), remedy))?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        unreadable(format!("byte {at} is not UTF-8"), "save the file as UTF-8")
    })
}
