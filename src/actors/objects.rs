//! The keeper of who made which object of the provider's account.
//!
//! [`ObjectActor`], one per process, owns a memo of bindings in front of the store. Objects are asked for by
//! their ids only, seldom more than once a call, and never on the way of a plain chat call.
//!
//! Mailbox: bounded; askers wait until their deadline and then fail closed. A new actor starts with an empty
//! memo; what was bound and not yet written when the old one died is unknown to everybody, so nobody gets it.

use crate::bus::objects::{BindObjects, FindObjects, ObjectsUnavailable};
use crate::store::{ObjectBinding, Store, StoreError};
use actix::{Actor, Context, Handler, ResponseFuture};
use lru::LruCache;
use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};

const MAILBOX: usize = 4_096;
const MEMO_OBJECTS: NonZeroUsize = NonZeroUsize::new(65_536).unwrap();

/// What is remembered, by id. The lock is held for a lookup only, on the actor's thread and at the end of its
/// own futures.
type Memo = Arc<Mutex<LruCache<String, Arc<ObjectBinding>>>>;

/// The owner of the bindings.
pub struct ObjectActor {
    store: Store,
    memo: Memo,
}

impl ObjectActor {
    /// An owner with an empty memo.
    pub fn new(store: Store) -> Self {
        Self { store, memo: Arc::new(Mutex::new(LruCache::new(MEMO_OBJECTS))) }
    }
}

impl Actor for ObjectActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
    }
}

impl Handler<FindObjects> for ObjectActor {
    type Result = ResponseFuture<Result<Vec<Option<Arc<ObjectBinding>>>, ObjectsUnavailable>>;

    fn handle(&mut self, message: FindObjects, _: &mut Self::Context) -> Self::Result {
        let (memo, store) = (Arc::clone(&self.memo), self.store.clone());
        Box::pin(async move { find(&memo, store, message.ids).await })
    }
}

impl Handler<BindObjects> for ObjectActor {
    type Result = ResponseFuture<Result<(), ObjectsUnavailable>>;

    fn handle(&mut self, message: BindObjects, _: &mut Self::Context) -> Self::Result {
        // Before the reply: whoever asks next finds it, whether or not it is written by then.
        let told: Vec<_> = message.bindings.iter().cloned().map(Arc::new).collect();
        remember(&self.memo, told.iter().cloned());
        let (memo, store) = (Arc::clone(&self.memo), self.store.clone());
        Box::pin(async move {
            let bound = bind(&memo, store, message.bindings).await;
            if bound.is_err() {
                forget(&memo, &told);
            }
            bound
        })
    }
}

async fn find(
    memo: &Memo,
    store: Store,
    ids: Vec<Arc<str>>,
) -> Result<Vec<Option<Arc<ObjectBinding>>>, ObjectsUnavailable> {
    let mut found = recall(memo, &ids);
    let missing: Vec<String> = ids
        .iter()
        .zip(&found)
        .filter(|(_, binding)| binding.is_none())
        .map(|(id, _)| id.to_string())
        .collect();
    if missing.is_empty() {
        return Ok(found);
    }
    let stored = on_store(move || store.objects_of(&missing)).await?;
    remember(memo, stored.into_iter().map(Arc::new));
    for (binding, again) in found.iter_mut().zip(recall(memo, &ids)) {
        *binding = binding.take().or(again);
    }
    Ok(found)
}

async fn bind(
    memo: &Memo,
    store: Store,
    bindings: Vec<ObjectBinding>,
) -> Result<(), ObjectsUnavailable> {
    let ids: Vec<String> = bindings.iter().map(|binding| binding.id.clone()).collect();
    let written = on_store(move || {
        store.bind_objects(&bindings)?;
        store.objects_of(&ids)
    })
    .await?;
    // The store knows the first one to bind an id; the memo may have been told by another.
    let mut memo = memo.lock().unwrap_or_else(PoisonError::into_inner);
    for binding in written {
        memo.put(binding.id.clone(), Arc::new(binding));
    }
    Ok(())
}

fn recall(memo: &Memo, ids: &[Arc<str>]) -> Vec<Option<Arc<ObjectBinding>>> {
    let mut memo = memo.lock().unwrap_or_else(PoisonError::into_inner);
    ids.iter().map(|id| memo.get(&**id).cloned()).collect()
}

fn remember(memo: &Memo, bindings: impl IntoIterator<Item = Arc<ObjectBinding>>) {
    let mut memo = memo.lock().unwrap_or_else(PoisonError::into_inner);
    for binding in bindings {
        if !memo.contains(&binding.id) {
            memo.put(binding.id.clone(), binding);
        }
    }
}

/// What could not be written is unknown again, but for what another binding has told meanwhile.
fn forget(memo: &Memo, told: &[Arc<ObjectBinding>]) {
    let mut memo = memo.lock().unwrap_or_else(PoisonError::into_inner);
    for binding in told {
        if memo.peek(&binding.id).is_some_and(|known| Arc::ptr_eq(known, binding)) {
            memo.pop(&binding.id);
        }
    }
}

async fn on_store<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, ObjectsUnavailable> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => {
            tracing::warn!(error = error.with_causes(), "the store of objects does not answer");
            Err(ObjectsUnavailable)
        }
        Err(_) => Err(ObjectsUnavailable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreOptions;
    use crate::types::{ObjectKind, UnixMillis};
    use diesel::{Connection as _, SqliteConnection, connection::SimpleConnection as _};

    fn store(directory: &tempfile::TempDir) -> Store {
        let data_dir = directory.path().to_owned();
        Store::open(&StoreOptions { database_url: None, data_dir, pool_size: 2 }).unwrap()
    }

    fn binding(id: &str, agent_id: &str) -> ObjectBinding {
        ObjectBinding {
            id: id.into(),
            kind: ObjectKind::File,
            agent_id: agent_id.into(),
            app_context: None,
            created_at: UnixMillis(1),
            models: None,
            endpoint: None,
        }
    }

    #[actix_web::test]
    async fn an_object_is_found_at_once_and_by_the_next_actor_and_stays_its_first_makers() {
        let directory = tempfile::tempdir().unwrap();
        let actor = ObjectActor::new(store(&directory)).start();
        let bind = |agent: &str| BindObjects { bindings: vec![binding("file-1", agent)] };
        let find = || FindObjects { ids: vec!["file-0".into(), "file-1".into()] };
        let makers = |found: Vec<Option<Arc<ObjectBinding>>>| -> Vec<Option<String>> {
            found.into_iter().map(|it| it.map(|binding| binding.agent_id.clone())).collect()
        };
        // Told, not waited for: the next question finds it all the same.
        let written = actor.send(bind("maker"));
        let found = actor.send(find()).await.unwrap().unwrap();
        assert_eq!(makers(found), [None, Some("maker".into())]);
        written.await.unwrap().unwrap();
        actor.send(bind("another")).await.unwrap().unwrap();
        let next = ObjectActor::new(store(&directory)).start();
        let found = next.send(find()).await.unwrap().unwrap();
        assert_eq!(makers(found), [None, Some("maker".into())]);
    }

    #[actix_web::test]
    async fn what_the_store_did_not_take_is_nobodys() {
        let directory = tempfile::tempdir().unwrap();
        let actor = ObjectActor::new(store(&directory)).start();
        let database = directory.path().join("state.db");
        let mut raw = SqliteConnection::establish(database.to_str().unwrap()).unwrap();
        raw.batch_execute(
            "CREATE TRIGGER full BEFORE INSERT ON objects BEGIN SELECT RAISE(ABORT, 'full'); END",
        )
        .unwrap();
        let bindings = vec![binding("file-1", "maker")];
        let bound = actor.send(BindObjects { bindings }).await.unwrap();
        assert_eq!(bound, Err(ObjectsUnavailable));
        let found = actor.send(FindObjects { ids: vec!["file-1".into()] }).await.unwrap().unwrap();
        assert_eq!(found, [None]);
    }
}
