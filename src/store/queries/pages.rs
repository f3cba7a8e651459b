//! One page of records, in bounded time.
//!
//! Owns the walk. It goes in steps: each takes the next entries of one index, and keeps the records that match. With more
//! than one index, the one whose next entries reach farthest leads the step, as it is the most selective just there. The
//! page is done when it is full or nothing is left; when its time is over it ends where it stands. It must never look at
//! more than a step's entries at once.

use super::{
    super::{StoreError, connection::AnyConnection, records::RecordRow},
    CLOCKS_DIFFER_MS, Cursor, LATE_MS, RecordPage, RecordQuery,
    filters::Filters,
    lead::{Lead, Stretch},
    position_at,
    scan::Unreadable,
    statement::Statement,
};
use crate::types::{Record, UnixMillis};
use diesel::{OptionalExtension as _, RunQueryDsl as _};
use std::time::{Duration, Instant};

/// No step is begun that would end after this time if it took as long as the one before.
const TIME: Duration = Duration::from_millis(20);

/// How many entries the first step takes, fewer where more than two indexes are looked into; the next ones more or
/// fewer, by the time that it took.
const FIRST_STEP: i64 = 500;
const LEAST_IN_STEP: i64 = 100;
const MOST_IN_STEP: i64 = 8_000;
const QUICK: Duration = Duration::from_millis(3);

/// What a page is made of.
struct Walk<'a> {
    connection: &'a mut AnyConnection,
    filters: &'a Filters,
    is_postgres: bool,
    wanted: usize,
    found: Vec<(Cursor, Record)>,
    /// What could not be read, each with how many were found before it.
    unreadable: Vec<(usize, Unreadable)>,
    /// Up to here everything has been looked at.
    place: Option<Cursor>,
    step: i64,
    ends_at: Instant,
}

/// A stretch, the indexes that may lead through it, and the least position that is taken.
struct Phase<'a> {
    stretch: Stretch,
    leads: &'a [Lead],
    least: i64,
}

/// Where a step ends; `None` when the stretch is over before.
type Reach = Option<Cursor>;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    /// The page is full.
    Full,
    /// There is nothing more.
    Exhausted,
    /// There may be more, but the time is over.
    OutOfTime,
}

/// One page. The queries must see the same moment: what is written between two of them would be passed over.
pub(super) fn page(
    connection: &mut AnyConnection,
    query: &RecordQuery,
    filters: &Filters,
) -> Result<RecordPage, StoreError> {
    let leads = i64::try_from(filters.leads.len()).unwrap_or(i64::MAX);
    let first_step = (2 * FIRST_STEP / leads.max(2)).max(LEAST_IN_STEP);
    page_within(connection, query, filters, TIME, first_step)
}

/// One page, in this time and beginning with such a step. One record more than the limit is looked for, to know whether
/// there is another page.
pub(super) fn page_within(
    connection: &mut AnyConnection,
    query: &RecordQuery,
    filters: &Filters,
    time: Duration,
    step: i64,
) -> Result<RecordPage, StoreError> {
    let limit = usize::try_from(query.limit.clamp(1, 1_000)).unwrap_or(1);
    let mut walk = Walk {
        is_postgres: matches!(connection, AnyConnection::Postgres(_)),
        connection,
        filters,
        wanted: limit + 1,
        found: Vec::new(),
        unreadable: Vec::new(),
        place: query.after,
        step,
        ends_at: Instant::now() + time,
    };
    let mut end = End::Exhausted;
    for phase in phases(query, filters) {
        end = walk.go(phase)?;
        if end != End::Exhausted {
            break;
        }
    }
    let Walk { mut found, mut unreadable, place, .. } = walk;
    found.truncate(limit);
    let last = found.last().map(|(place, _)| *place);
    let is_full = end == End::Full;
    let (next, end) = match end {
        End::Full => (last, last),
        End::Exhausted => (None, last),
        End::OutOfTime => (place, place),
    };
    // What stands behind a full page is the next one's.
    unreadable.retain(|(before, _)| !is_full || *before < limit);
    let unreadable = unreadable.into_iter().map(|(_, row)| row).collect();
    let events = found.into_iter().map(|(_, record)| record).collect();
    Ok(RecordPage { events, unreadable, next, end })
}

/// The stretches that are still to be walked. With an end of the time asked for there are two: what was written until an
/// hour behind it, and what was written later than that, which has an index of its own.
fn phases<'a>(query: &RecordQuery, filters: &'a Filters) -> Vec<Phase<'a>> {
    let from = query.from.unwrap_or(UnixMillis(0)).0.max(0);
    let below =
        query.to.map_or(i64::MAX, |to| position_at(UnixMillis(to.0.saturating_add(LATE_MS))));
    let above = position_at(UnixMillis(from.saturating_sub(CLOCKS_DIFFER_MS))) - 1;
    let written = Stretch { after: None, above, below, backwards: query.newest_first };
    let mut phases = vec![Phase { stretch: written, leads: &filters.leads, least: 0 }];
    if let Some(to) = query.to {
        let stretch = Stretch { above: from - 1, below: to.0, ..written };
        phases.push(Phase { stretch, leads: &[Lead::LATE], least: below });
    }
    if query.newest_first {
        phases.reverse();
    }
    if let Some(after) = query.after {
        let is_late = matches!(after, Cursor::Late { .. });
        let begun = phases.iter().position(|phase| phase.leads.contains(&Lead::LATE) == is_late);
        phases.drain(..begun.unwrap_or(0));
        if let Some(phase) = phases.first_mut() {
            phase.stretch.after = Some(after);
        }
    }
    phases
}

impl Walk<'_> {
    /// Walks until the page is full, the stretch is over, or the time.
    fn go(&mut self, mut phase: Phase<'_>) -> Result<End, StoreError> {
        loop {
            let began = Instant::now();
            let (lead, reach) = match phase.leads {
                [] => return Ok(End::Exhausted),
                [lead] => (lead, None),
                [first, others @ ..] => self.farthest(first, others, &phase.stretch)?,
            };
            let stopped = self.take(lead, &phase)?;
            if self.found.len() >= self.wanted {
                return Ok(End::Full);
            }
            let reach = match (stopped, reach) {
                (Some(place), _) => Some(place),
                (None, Some(reach)) => reach,
                (None, None) if self.filters.lead_is_all => None,
                (None, None) => self.reach(lead, &phase.stretch)?,
            };
            if reach.is_none() {
                return Ok(End::Exhausted);
            }
            (phase.stretch.after, self.place) = (reach, reach);
            let took = began.elapsed();
            if Instant::now() + took >= self.ends_at {
                return Ok(End::OutOfTime);
            }
            self.step = next_step(self.step, took);
        }
    }

    /// The lead whose next entries reach farthest, and how far.
    fn farthest<'l>(
        &mut self,
        first: &'l Lead,
        others: &'l [Lead],
        stretch: &Stretch,
    ) -> Result<(&'l Lead, Option<Reach>), StoreError> {
        let distance = |reach: Cursor| match stretch.backwards {
            true => -reach.position(),
            false => reach.position(),
        };
        let (mut best, mut farthest) = (first, self.reach(first, stretch)?);
        for lead in others {
            if farthest.is_none() {
                break;
            }
            let reach = self.reach(lead, stretch)?;
            if reach.is_none() || reach.map(distance) > farthest.map(distance) {
                (best, farthest) = (lead, reach);
            }
        }
        Ok((best, Some(farthest)))
    }

    /// Where a lead's next step ends.
    fn reach(&mut self, lead: &Lead, stretch: &Stretch) -> Result<Reach, StoreError> {
        let statement = lead.reach(stretch, self.step, self.is_postgres);
        let reach: Option<(i64, i64)> = statement.get_result(self.connection).optional()?;
        Ok(reach.map(|(started_at, position)| lead.cursor(started_at, position)))
    }

    /// Adds the records of the lead's next step that match, as far as the page has room. Says where it stopped when there
    /// may be more in the step.
    fn take(&mut self, lead: &Lead, phase: &Phase<'_>) -> Result<Option<Cursor>, StoreError> {
        let room = self.wanted - self.found.len();
        let missing = i64::try_from(room).unwrap_or(i64::MAX);
        let step = if self.filters.lead_is_all { missing } else { self.step };
        let mut statement = Statement::records();
        lead.next(&mut statement, &phase.stretch, step, self.is_postgres);
        self.filters.write(&mut statement, self.is_postgres);
        if phase.least > 0 {
            statement.sql(" AND audit_records.position >= ").number(phase.least);
        }
        lead.order(&mut statement, phase.stretch.backwards);
        statement.sql(" LIMIT ").number(missing);
        let mut rows: Vec<(i64, i64, RecordRow<'static>)> = statement.load(self.connection)?;
        let place = |position, started_at| lead.cursor(started_at, position);
        let stopped = rows.get(room - 1).map(|(position, at, _)| place(*position, *at));
        // A rule that was changed between the call and its answer has found two types: two entries of one record.
        rows.dedup_by_key(|(position, ..)| *position);
        for (position, started_at, row) in rows {
            let seen = Unreadable::of(&row);
            match row.into_record() {
                Ok(record) => self.found.push((place(position, started_at), record)),
                Err(_) => self.unreadable.push((self.found.len(), seen)),
            }
        }
        Ok(stopped)
    }
}

fn next_step(step: i64, took: Duration) -> i64 {
    if took < QUICK {
        (step * 2).min(MOST_IN_STEP)
    } else if took > QUICK * 3 {
        (step / 2).max(LEAST_IN_STEP)
    } else {
        step
    }
}
