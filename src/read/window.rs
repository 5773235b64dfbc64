//! Paging by position over rows that move meanwhile: each window of rows begins with one that the window before it held.
//!
//! A row deleted, or moved to the end because it was changed, draws every later row one position nearer: what then stands at the next position was
//! never read. So a window *overlaps* the one before, and follows on it only if its first row is a known one that stands where it stood: a row
//! read lately whose key and times are what they were (a row that was changed has moved in the vendor's order; its key alone shows nothing).
//! Rows that were not changed keep their order among each other, so all of them before that row were before it when it was read, and were read.
//! A window that does not follow is dropped, and one further back is asked for: twice as far each time, at last the first.
//!
//! No row further on than the last one is a page's first, so a page that begins with the first row of all, and brings nothing new, is not where it was
//! asked for: a vendor that does so for one position after the other ignores them. What it gave as its first page is all there is if it was not full.
//!
//! Rows that are inserted, or move to the front, push later rows away: they come again, and are left out as seen. But a row that moved from
//! ahead of the walk to behind it would not come at all: a known row found further on than it stood tells of it, and once the end is
//! reached the first windows are read again until one holds nothing new.
//!
//! An offset may be any number, so a window begins a twentieth of a page before the end of the last. Of numbered pages, the one of number
//! `k + 1` and size `s` is the window from `k·s`: of all sizes up to the vendor's, the one is asked for whose window reaches furthest and
//! begins before the end of the last. That costs about `√(2·size)` rows a page: 4 % more requests where pages have 1000 rows, 20 % at 50. Where a
//! vendor gives so few rows that every size divides the position reached (6 at three rows, 360,360 at fifteen), the next window only adjoins.

use std::collections::VecDeque;

use crate::error::{Error, Kind, Result};

/// Rows that a window may begin with: the last ones read. A walk that lost more at once goes back to its beginning.
const RECENT_ROWS: usize = 16 * 1024;

/// Pages in a row that are the page before them, or the first page, after which the vendor is taken to ignore the position. One may come of
/// rows inserted or deleted meanwhile.
const REPEATS: u32 = 2;

/// Times that a walk begins again because nothing new came for long.
const REREADS: u32 = 2;

/// Returns to the beginning, without having come further in between than ever before.
const RESTARTS: u32 = 8;

/// Rows from `start` on, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub start: u64,
    /// Rows asked for.
    pub size: u64,
}

/// Where windows can begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grid {
    /// At any position.
    Any,
    /// At a multiple of their size.
    Multiple,
}

/// Whether a page follows on what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Follows,
    /// Rows may have been passed over: it must not be used, and the window ahead is another.
    GoBack,
    /// It has, or the vendor says that its pages have, more rows than were asked for: the vendor has a size of its own, so a page's number is all that
    /// tells its position.
    SizeIgnored,
}

/// What follows a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    More,
    End,
    /// The vendor sends the same page for every position.
    Repeats,
}

/// A walk over positions.
#[derive(Debug)]
pub(super) struct Windows {
    grid: Grid,
    /// The declared size.
    size: u64,
    /// Rows that the vendor gives at most, where it gives fewer.
    most: u64,
    pages: u64,
    /// The position after the last row of the last page.
    end: u64,
    /// The furthest that `end` was.
    furthest: u64,
    /// How far before `end` to begin after a page that did not follow.
    back: Option<u64>,
    /// States of the rows read last, oldest first.
    recent: VecDeque<u64>,
    last_page: u64,
    restarts: u32,
    rereads: u32,
    repeats: u32,
    /// The first row of the page that began at the beginning, and whether that page had as many rows as were asked for.
    top: Option<u64>,
    is_first_full: bool,
    /// Pages in a row that began with that row, though they were asked for further on.
    tops: u32,
    /// Rows seen for the first time, and those before the position that the walk began at.
    fresh: u64,
    /// Rows in a row that were seen before.
    idle: u64,
    /// A row was found further on than it stood.
    pushed: bool,
    /// The first windows are being read again.
    closing: bool,
}

impl Windows {
    /// From position `end` on, in windows of `size` rows.
    pub fn new(grid: Grid, size: u32, end: u64) -> Self {
        let size = u64::from(size.max(1));
        Self {
            grid,
            size,
            most: size,
            pages: 0,
            end,
            furthest: end,
            back: None,
            recent: VecDeque::new(),
            last_page: 0,
            restarts: 0,
            rereads: 0,
            repeats: 0,
            top: None,
            is_first_full: false,
            tops: 0,
            fresh: end,
            idle: 0,
            pushed: false,
            closing: false,
        }
    }

    /// The window to ask for.
    pub fn ahead(&self) -> Window {
        // The last position it may begin at.
        let latest = self.end.saturating_sub(self.back.unwrap_or_else(|| self.overlap()));
        match (self.grid, self.back) {
            (Grid::Any, _) => Window {
                start: latest,
                size: self.size,
            },
            (Grid::Multiple, _) if self.end == 0 => Window { start: 0, size: self.size },
            (Grid::Multiple, None) => {
                let beyond = self
                    .furthest_reaching(latest)
                    .filter(|window| window.start + window.size > self.end);
                // A position that every size divides, such as 6 where there are three rows at most, lies in no window.
                beyond
                    .or_else(|| self.furthest_reaching(self.end))
                    .unwrap_or(Window { start: self.end, size: 1 })
            }
            (Grid::Multiple, Some(_)) => match self.furthest_reaching(latest) {
                Some(window) if window.start > 0 => window,
                // A row fewer than the vendor gives shows whether it cares for the size at all.
                _ => Window {
                    start: 0,
                    size: (self.most - 1).max(1),
                },
            },
        }
    }

    /// Of the windows that begin at `latest` or before, the one that reaches furthest.
    fn furthest_reaching(&self, latest: u64) -> Option<Window> {
        let window = |size: u64| Window {
            start: latest / size * size,
            size,
        };
        (1..=self.most)
            .map(window)
            .max_by_key(|window| (window.start + window.size, window.size))
    }

    /// The position after the last row read.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Whether the page ahead is there to see if rows came before the walk.
    pub fn is_closing(&self) -> bool {
        self.closing
    }

    /// Whether the page with rows of these states, of the size that the vendor tells if it does, follows on what was read.
    ///
    /// # Errors
    /// When the order of the rows is another each time.
    pub fn judge(&mut self, states: &[u64], size: Option<u64>) -> Result<Verdict> {
        let window = self.ahead();
        let size = size.unwrap_or(0).max(states.len() as u64);
        if self.grid == Grid::Multiple && size > window.size && self.pages < 2 {
            return Ok(Verdict::SizeIgnored);
        }
        if window.start == 0 || window.start == self.end {
            return Ok(Verdict::Follows);
        }
        let known = states
            .first()
            .and_then(|first| self.recent.iter().rev().position(|state| state == first));
        match known {
            Some(from_last) => {
                self.pushed |= from_last as u64 >= self.end - window.start;
                Ok(Verdict::Follows)
            }
            None => {
                self.go_back(self.recent.len() as u64)?;
                Ok(Verdict::GoBack)
            }
        }
    }

    /// The window ahead is to begin twice as far back, or at the beginning where no row further back than `reach` can be known.
    ///
    /// # Errors
    /// As [`Windows::judge`].
    pub fn go_back(&mut self, reach: u64) -> Result<()> {
        let back = self.back.unwrap_or_else(|| self.overlap()).saturating_mul(2);
        self.back = Some(if back < reach { back.min(self.end) } else { self.end });
        self.restarts += u32::from(self.ahead().start == 0);
        if self.restarts <= RESTARTS {
            return Ok(());
        }
        Err(Error::new(
            Kind::Data,
            format!("expected a row that was read as the first of a page, found another each time, {RESTARTS} times from the beginning"),
        )
        .hint("the vendor sends the rows in another order each time, so none can be shown to be missing or not: an order in `params` or `pagination`, or `pagination` without a size, may help"))
    }

    /// Takes in a page that follows: its rows' states, how many were not seen before, and whether the vendor says that it is the last.
    pub fn take(&mut self, states: &[u64], unseen: usize, last: bool) -> After {
        let window = self.ahead();
        let rows = states.len() as u64;
        let overlap = self.end - window.start;
        let went_back = self.back.take().is_some();
        let same_end = states.last() == self.recent.back();
        // The same rows although the window moved.
        let same_page = same_end && rows == self.last_page && rows > overlap;
        if self.pages == 0 && rows > 0 && self.grid == Grid::Multiple {
            // One vendor gives 15 rows whatever is asked; a table of one page ends either way.
            self.most = rows.min(self.size);
        }
        self.pages += u64::from(rows > 0);
        self.end = window.start + rows;
        if self.end > self.furthest {
            self.furthest = self.end;
            self.restarts = if unseen > 0 { 0 } else { self.restarts };
        }
        self.last_page = rows;
        self.recent.extend(states);
        let surplus = self.recent.len().saturating_sub(RECENT_ROWS);
        self.recent.drain(..surplus);
        if window.start == 0 {
            (self.top, self.is_first_full) = (states.first().copied(), rows >= window.size);
        }
        if unseen > 0 {
            (self.repeats, self.tops, self.idle, self.rereads) = (0, 0, 0, 0);
            self.fresh += unseen as u64;
        } else {
            let is_top = window.start > 0 && rows == window.size && states.first() == self.top.as_ref();
            self.tops = if is_top { self.tops + 1 } else { 0 };
            self.idle += rows;
            self.repeats = if same_page { self.repeats + 1 } else { 0 };
            let nothing_beyond =
                !went_back && (rows <= overlap && (same_end || !is_top) || same_end && (overlap == 0 || rows < window.size));
            if self.closing || rows == 0 || nothing_beyond {
                return self.ended();
            }
            if self.tops >= REPEATS && !self.is_first_full {
                return self.ended();
            }
            if self.tops.max(self.repeats) >= REPEATS || self.idle > 2 * self.fresh + 2 * self.size {
                // One vendor sends its last page for every number beyond it, and there is no telling from where on, once rows are gone. And as
                // many rows may have been inserted as the walk went on.
                if self.grid == Grid::Any || self.rereads >= REREADS {
                    return After::Repeats;
                }
                self.rereads += 1;
                self.read_again();
                return After::More;
            }
        }
        if last { self.ended() } else { After::More }
    }

    /// All windows are read again, from the first on.
    pub fn read_again(&mut self) {
        self.begin_again();
        // The first window holds nothing new, which is not the end.
        (self.back, self.closing) = (Some(0), false);
    }

    fn ended(&mut self) -> After {
        if self.closing || !self.pushed {
            return After::End;
        }
        self.closing = true;
        self.begin_again();
        After::More
    }

    fn begin_again(&mut self) {
        (self.end, self.last_page) = (0, 0);
        (self.repeats, self.tops, self.idle) = (0, 0, 0);
        self.recent.clear();
    }

    /// Rows that a window shares with the one before, at least.
    fn overlap(&self) -> u64 {
        match self.grid {
            Grid::Any => (self.last_page / 20).max(1),
            Grid::Multiple => 1,
        }
    }

    /// Requests that reading so many rows takes, if none moves: the last shows that nothing follows.
    pub fn requests(grid: Grid, size: u32, rows: u64) -> u64 {
        let size = u64::from(size.max(1));
        let gain = match grid {
            Grid::Any => size - (size / 20).max(1),
            Grid::Multiple => size - (2 * size).isqrt(),
        };
        match rows {
            0 => 1,
            _ => 2 + rows.saturating_sub(size).div_ceil(gain.max(1)),
        }
    }
}
