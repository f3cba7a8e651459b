//! Administrative changes as records: each gets one, in the chain of the gateway that was first to see it.
//!
//! Owns the form of such a record, and the mark up to which changes have theirs. A record's id is made of its change, and
//! the mark moves in the transaction that stores the records: so none is missing and none is there twice, whatever dies, and
//! however many gateways look at the same time.

use super::super::{
    Appended, Store, StoreError,
    connection::AnyConnection,
    schema::{audited_changes::dsl as mark, changes::dsl},
};
use crate::ledger::Head;
use crate::types::{ExchangeId, Outcome, Record, Scan, ScanExtent, Surface, UnixMillis};
use diesel::{ExpressionMethods as _, QueryDsl as _, Queryable, RunQueryDsl as _};
use sha2::{Digest as _, Sha256};
use std::{borrow::Cow, sync::Arc};
use uuid::Builder;

/// What stands for the program in a record that no provider's API is part of.
const PROGRAM: &str = "portcullis";
/// The endpoint of such records.
const ENDPOINT: &str = "admin";

/// What came of a look at the changes.
#[derive(Clone, Debug, Default)]
pub struct Audited {
    /// The records that were stored now.
    pub records: Vec<Arc<Record>>,
    /// Where chains end now that were written to.
    pub heads: Vec<(String, Head)>,
    /// How many the database did not take: they are set aside, with the reason.
    pub set_aside: usize,
    /// Whether there may be more changes without a record.
    pub more: bool,
    /// Whether the list of changes is not the one that was looked at before: a backup of it was restored. All of it was
    /// begun again, and what has its record already is known by its id.
    pub list_was_replaced: bool,
}

/// A change as it stands in its table.
#[derive(Queryable)]
struct Row {
    seq: i64,
    at: i64,
    kind: String,
    subject: String,
    actor: String,
    detail: String,
}

/// The last change that has its record; 0 and nothing before the first.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Mark {
    seq: i64,
    id: String,
}

impl Store {
    /// Gives the next changes their records, at most so many.
    pub fn audit_changes(
        &self,
        node: &Arc<str>,
        most: u32,
        now: UnixMillis,
    ) -> Result<Audited, StoreError> {
        let known = self.change_mark()?;
        let mut rows = self.changes_from(known.seq, most.saturating_add(1))?;
        let mut list_was_replaced = false;
        if known != Mark::default() {
            if rows.first().is_some_and(|row| row.id().to_string() == known.id) {
                rows.remove(0);
            } else {
                list_was_replaced = true;
                self.record
                    .write(None, |connection| move_mark(connection, &known, &Mark::default()))?;
                rows = self.changes_from(0, most)?;
            }
        }
        let before = if list_was_replaced { Mark::default() } else { known };
        let Some(last) = rows.last() else {
            return Ok(Audited { list_was_replaced, ..Audited::default() });
        };
        let after = Mark { seq: last.seq, id: last.id().to_string() };
        let more = u32::try_from(rows.len()).is_ok_and(|count| count >= most);
        let mut records: Vec<_> = rows.into_iter().map(|row| Arc::new(row.record(node))).collect();
        let appended = self.append_and(&mut records, true, now, |connection| {
            move_mark(connection, &before, &after)
        })?;
        let Appended { heads, set_aside, .. } = appended;
        records.retain(|record| record.event_hash.is_some());
        Ok(Audited { records, heads, set_aside, more, list_was_replaced })
    }

    fn change_mark(&self) -> Result<Mark, StoreError> {
        let (seq, id) = self.record.run(|connection| {
            Ok(mark::audited_changes.select((mark::seq, mark::id)).first(connection)?)
        })?;
        Ok(Mark { seq, id })
    }

    fn changes_from(&self, seq: i64, most: u32) -> Result<Vec<Row>, StoreError> {
        self.state.run(|connection| {
            let from = dsl::changes.filter(dsl::seq.ge(seq)).order(dsl::seq.asc());
            Ok(from.limit(i64::from(most)).load(connection)?)
        })
    }
}

/// Unless another gateway has moved it meanwhile.
fn move_mark(connection: &mut AnyConnection, from: &Mark, to: &Mark) -> Result<(), StoreError> {
    let there = mark::audited_changes.filter(mark::seq.eq(from.seq)).filter(mark::id.eq(&from.id));
    diesel::update(there).set((mark::seq.eq(to.seq), mark::id.eq(&to.id))).execute(connection)?;
    Ok(())
}

impl Row {
    /// The same for the same change, and for no other: when it was, and a hash of all that it says.
    fn id(&self) -> ExchangeId {
        let Self { seq, at, kind, subject, actor, detail } = self;
        let mut hash = Sha256::new();
        for part in [&seq.to_string(), &at.to_string(), kind, subject, actor, detail] {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        let hash: [u8; 32] = hash.finalize().into();
        let [a, b, c, d, e, f, g, h, i, j, ..] = hash;
        let millis = u64::try_from(*at).unwrap_or_default();
        let random = [a, b, c, d, e, f, g, h, i, j];
        ExchangeId(Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    fn record(self, node: &Arc<str>) -> Record {
        let (id, at) = (self.id(), UnixMillis(self.at));
        let mut record = Record::new(id, at, Arc::clone(node), Surface::Admin);
        let sort = self.kind.split('.').next().unwrap_or_default();
        record.target = format!("{sort}/{}", self.subject).into();
        record.action = self.kind.into();
        record.actor = Some(self.actor.into());
        record.detail = Some(self.detail.into());
        record.tool_name = Cow::Borrowed(PROGRAM);
        record.mcp_server = Cow::Borrowed(PROGRAM);
        record.endpoint = Some(Cow::Borrowed(ENDPOINT));
        record.scan =
            Scan { extent: ScanExtent::None, reason: Some(Cow::Borrowed("no call: a change")) };
        record.outcome = Some(Outcome::Completed);
        record
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        super::testing::{new_agent, on_both_databases},
        verify,
    };
    use super::*;
    use crate::store::{RecordKind, RecordQuery, Summed, SumsGroup, SumsQuery, SumsWidth};
    use crate::types::AgentStatus;

    const NOW: UnixMillis = UnixMillis(1_795_435_200_000);

    on_both_databases!(
        a_change_gets_one_record_that_says_who_did_what,
        gateways_that_look_at_the_same_time_make_one_record_of_each_change,
        a_change_whose_record_is_there_already_gets_no_other,
        a_list_that_was_restored_is_begun_again_and_nothing_is_there_twice,
        a_change_is_no_call,
        what_a_change_says_is_stored_whatever_it_says,
    );

    fn look(store: &Store, node: &str) -> Audited {
        store.audit_changes(&node.into(), 100, NOW).unwrap()
    }

    fn all(store: &Store) -> Vec<Record> {
        store.records(&RecordQuery { limit: 1_000, ..RecordQuery::default() }).unwrap().events
    }

    fn a_change_gets_one_record_that_says_who_did_what(store: &Store) {
        let id = store.create_agent(&new_agent("one"), "cli", NOW).unwrap().id;
        store.set_agent_status(&id, AgentStatus::Suspended, "ada", NOW.plus_secs(1)).unwrap();
        let audited = look(store, "node-1");
        assert_eq!((audited.records.len(), audited.more, audited.set_aside), (2, false, 0));
        assert!(look(store, "node-1").records.is_empty());

        let records = all(store);
        assert_eq!(records, audited.records.iter().map(|it| (**it).clone()).collect::<Vec<_>>());
        let last = &records[1];
        assert_eq!((&*last.action, last.surface), ("agent.suspended", Surface::Admin));
        assert_eq!((&*last.target, last.actor.as_deref()), (&*format!("agent/{id}"), Some("ada")));
        assert_eq!(last.detail.as_deref(), Some(r#"{"from":"active","to":"suspended"}"#));
        assert_eq!((last.started_at, last.agent_name.as_deref()), (NOW.plus_secs(1), None));
        assert_eq!(store.record(last.id).unwrap().as_ref(), Some(last));
        assert!(verify(store).is_sound());
    }

    fn gateways_that_look_at_the_same_time_make_one_record_of_each_change(store: &Store) {
        for number in 0..40 {
            store.create_agent(&new_agent(&format!("agent-{number}")), "cli", NOW).unwrap();
        }
        std::thread::scope(|scope| {
            for node in ["a", "b", "c"] {
                let store = store.clone();
                scope.spawn(move || {
                    for _ in 0..12 {
                        store.audit_changes(&node.into(), 7, NOW).unwrap();
                    }
                });
            }
        });
        while look(store, "a").more {}
        let mut targets: Vec<_> = all(store).into_iter().map(|record| record.target).collect();
        assert_eq!(targets.len(), 40);
        targets.sort();
        targets.dedup();
        assert_eq!(targets.len(), 40);
        assert!(verify(store).is_sound());
    }

    fn a_change_whose_record_is_there_already_gets_no_other(store: &Store) {
        store.create_agent(&new_agent("one"), "cli", NOW).unwrap();
        look(store, "a");
        // As if the process had died between the records and the mark.
        let moved = store.change_mark().unwrap();
        let move_back =
            |connection: &mut AnyConnection| move_mark(connection, &moved, &Mark::default());
        store.record.write(None, move_back).unwrap();
        let again = look(store, "b");
        assert_eq!((again.records.len(), store.change_mark().unwrap()), (0, moved));
        assert_eq!(all(store).len(), 1);
    }

    fn a_list_that_was_restored_is_begun_again_and_nothing_is_there_twice(store: &Store) {
        for name in ["one", "two", "three"] {
            store.create_agent(&new_agent(name), "cli", NOW).unwrap();
        }
        look(store, "a");
        // The backup has the first change alone, and goes on otherwise.
        let forget = |connection: &mut AnyConnection| {
            Ok(diesel::delete(dsl::changes.filter(dsl::seq.gt(1))).execute(connection)?)
        };
        store.state.write(None, forget).unwrap();
        store.create_agent(&new_agent("four"), "cli", NOW.plus_secs(9)).unwrap();
        let audited = look(store, "a");
        assert_eq!((audited.records.len(), audited.list_was_replaced), (1, true));
        let next = look(store, "a");
        assert_eq!((next.records.len(), next.list_was_replaced), (0, false));
        assert_eq!(all(store).len(), 4);
    }

    fn a_change_is_no_call(store: &Store) {
        store.create_agent(&new_agent("one"), "cli", NOW).unwrap();
        look(store, "a");
        let sums = store.sums(&SumsQuery {
            from: NOW.plus_secs(-3_600),
            to: NOW.plus_secs(3_600),
            width: SumsWidth::Hour,
            every: 1,
            group: SumsGroup::Time,
            agent: None,
            model: None,
            app_context: None,
            endpoint: None,
        });
        assert_eq!(sums.unwrap(), Summed::default());
        let of = |kind, surface| {
            let query = RecordQuery { limit: 9, kind, surface, ..RecordQuery::default() };
            store.records(&query).unwrap().events.len()
        };
        assert_eq!(of(Some(RecordKind::Calls), None), 0);
        assert_eq!(of(Some(RecordKind::Changes), None), 1);
        assert_eq!((of(None, Some(Surface::Admin)), of(None, Some(Surface::Agent))), (1, 0));
    }

    fn what_a_change_says_is_stored_whatever_it_says(store: &Store) {
        let write = |actor: &str, text: &str| {
            let detail = serde_json::json!({ "reason": text });
            store.change(("policy.saved", "policy\0csv"), actor, NOW, |_| Ok(detail)).unwrap();
        };
        for text in ["", "\0", "\u{10ffff}\"\\", "a\nb"] {
            write(text, text);
        }
        assert_eq!(look(store, "a").records.len(), 4);
        assert_eq!(all(store).len(), 4);
        assert!(verify(store).is_sound());
    }
}
