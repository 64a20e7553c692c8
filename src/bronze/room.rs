//! Limits the bytes of long lines that all decode threads hold together.
//!
//! Lines are usually short, and each thread may hold one of up to [`FREE_BYTES`]. A longer line reserves the
//! rest from [`ROOM_BYTES`], shared by the whole process, and waits while others hold them. Without that,
//! eight threads with documents of 64 MiB each would hold 512 MiB.
//!
//! **Why this cannot deadlock.** A thread draws a ticket before it reserves. The holder of the oldest ticket
//! never waits: it gets what it asks for even beyond the limit, so it can always complete its line. To
//! release its reservation it needs bytes of its own download and a COPY that accepts the line, and neither
//! needs room: both run on other threads, and end with an error if their network fails. So the oldest ticket
//! is returned eventually, and then the next one is the oldest. At most [`ROOM_BYTES`] plus one line of the
//! greatest length are held.

use std::collections::BTreeSet;

use parking_lot::{Condvar, Mutex};

/// Bytes that a line may hold without a reservation.
pub(super) const FREE_BYTES: usize = 1 << 20;
/// Bytes that all longer lines may reserve together.
const ROOM_BYTES: usize = 48 << 20;

static PROCESS: Room = Room::new(ROOM_BYTES);

/// The bytes that all readers share, and who waits for them.
#[derive(Debug)]
pub(super) struct Room {
    bytes: usize,
    state: Mutex<State>,
    released: Condvar,
}

#[derive(Debug)]
struct State {
    taken: usize,
    next_ticket: u64,
    tickets: BTreeSet<u64>,
}

/// The bytes that one thread has reserved, released when dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    room: &'static Room,
    ticket: Option<u64>,
    bytes: usize,
}

impl Room {
    const fn new(bytes: usize) -> Self {
        let state = State { taken: 0, next_ticket: 0, tickets: BTreeSet::new() };
        Self { bytes, state: Mutex::new(state), released: Condvar::new() }
    }
}

impl Reservation {
    /// An empty reservation from the room of the process.
    pub(super) fn of_process() -> Self {
        Self::of(&PROCESS)
    }

    fn of(room: &'static Room) -> Self {
        Self { room, ticket: None, bytes: 0 }
    }

    /// Reserves `more` bytes; waits until there is room or all threads that began earlier have released
    /// theirs.
    pub(super) fn reserve(&mut self, more: usize) {
        let mut state = self.room.state.lock();
        let ticket = *self.ticket.get_or_insert_with(|| {
            let ticket = state.next_ticket;
            state.next_ticket += 1;
            state.tickets.insert(ticket);
            ticket
        });
        while state.taken + more > self.room.bytes && state.tickets.first() != Some(&ticket) {
            self.room.released.wait(&mut state);
        }
        state.taken += more;
        self.bytes += more;
    }

    /// Releases all reserved bytes, and wakes the threads that wait for them.
    pub(super) fn release(&mut self) {
        let Some(ticket) = self.ticket.take() else { return };
        let mut state = self.room.state.lock();
        state.taken -= std::mem::take(&mut self.bytes);
        state.tickets.remove(&ticket);
        drop(state);
        self.room.released.notify_all();
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.release();
    }
}

/// A buffer that grows as far as the room allows, and shrinks again.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
}

impl Buffer {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    #[inline]
    pub(super) fn push(&mut self, bytes: &[u8], reservation: &mut Reservation) {
        if self.bytes.len() + bytes.len() > self.bytes.capacity() {
            self.grow(bytes.len(), reservation);
        }
        self.bytes.extend_from_slice(bytes);
    }

    #[cold]
    fn grow(&mut self, more: usize, reservation: &mut Reservation) {
        let (capacity, needed) = (self.bytes.capacity(), self.bytes.len() + more);
        // Doubles up to what is free; then grows in smaller steps, so that little is reserved in vain. The
        // system moves pages instead of copying them when something this large grows.
        let step = if capacity < FREE_BYTES { capacity.max(4096) } else { (capacity / 8).max(FREE_BYTES) };
        let mut target = needed.max(capacity + step);
        if needed <= FREE_BYTES {
            target = target.min(FREE_BYTES);
        }
        if target > FREE_BYTES {
            reservation.reserve(target - capacity.max(FREE_BYTES));
        }
        self.bytes.reserve_exact(target - self.bytes.len());
    }

    /// Empties the buffer and frees what it holds beyond [`FREE_BYTES`]. The caller releases the reservation.
    pub(super) fn clear(&mut self) {
        self.cut(0);
    }

    /// Keeps the first `len` bytes only, and frees memory as [`Buffer::clear`] does.
    pub(super) fn cut(&mut self, len: usize) {
        self.bytes.truncate(len);
        if self.bytes.capacity() > FREE_BYTES {
            self.bytes.shrink_to(FREE_BYTES);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    fn room(bytes: usize) -> &'static Room {
        Box::leak(Box::new(Room::new(bytes)))
    }

    #[test]
    fn the_second_waits_until_the_first_releases() {
        let room = room(100);
        let mut first = Reservation::of(room);
        first.reserve(80);
        let (sender, receiver) = mpsc::channel();
        let second = std::thread::spawn(move || {
            let mut share = Reservation::of(room);
            share.reserve(20);
            sender.send("fits").unwrap();
            share.reserve(20);
            sender.send("has waited").unwrap();
        });
        assert_eq!(receiver.recv().unwrap(), "fits");
        assert!(receiver.recv_timeout(Duration::from_millis(50)).is_err(), "reserved what was not there");
        first.reserve(40);
        drop(first);
        assert_eq!(receiver.recv().unwrap(), "has waited");
        second.join().unwrap();
        assert_eq!(room.state.lock().taken, 0);
    }

    #[test]
    fn lines_that_grow_concurrently_all_complete_within_the_bound() {
        const LINE: usize = 64;
        let room = room(100);
        let (held, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let mut share = Reservation::of(room);
                        for _ in 0..LINE / 8 {
                            share.reserve(8);
                            most.fetch_max(held.fetch_add(8, Ordering::SeqCst) + 8, Ordering::SeqCst);
                        }
                        held.fetch_sub(LINE, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(most.into_inner() <= 100 + LINE);
        let state = room.state.lock();
        assert_eq!((state.taken, state.tickets.len()), (0, 0));
    }

    #[test]
    fn a_buffer_reserves_only_beyond_what_is_free_and_shrinks_again() {
        let room = room(64 << 20);
        let (mut share, mut buffer) = (Reservation::of(room), Buffer::default());
        for _ in 0..16 {
            buffer.push(&[b'x'; FREE_BYTES / 16], &mut share);
        }
        assert_eq!(share.bytes, 0);
        for _ in 0..20 {
            buffer.push(&vec![b'x'; FREE_BYTES], &mut share);
        }
        assert_eq!(buffer.len(), 21 * FREE_BYTES);
        assert!(share.bytes + FREE_BYTES >= buffer.bytes.capacity() && share.bytes < 25 * FREE_BYTES);
        buffer.clear();
        share.release();
        assert!(buffer.bytes.capacity() <= FREE_BYTES);
        assert_eq!(room.state.lock().taken, 0);
    }
}
