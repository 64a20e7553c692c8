//! How many bytes of long lines all decode threads may hold at once.
//!
//! Lines are short as a rule, and each thread may hold one of up to [`FREE_BYTES`]. What a line takes beyond, it takes
//! from [`ROOM_BYTES`], shared by the whole process, and waits while they are taken by others. Without that, eight
//! threads with documents of 64 MiB each would hold 512 MiB.
//!
//! **Why this cannot stand still.** Whoever takes room draws a ticket first. The holder of the oldest ticket never
//! waits: it gets what it asks for even beyond the limit, so it can always complete its line. To give its room back it
//! needs bytes of its own download and a COPY that takes the line, and neither needs room: both run on other threads, and
//! end with an error if their network does. So the oldest ticket is given back at some time, and the next one is
//! the oldest then. At most [`ROOM_BYTES`] and one line of the greatest length are held at once.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, PoisonError};

/// What a line may take without asking.
pub(super) const FREE_BYTES: usize = 1 << 20;
/// What all longer lines may take together.
const ROOM_BYTES: usize = 48 << 20;

static PROCESS: Room = Room::new(ROOM_BYTES);

/// Bytes to share.
#[derive(Debug)]
pub(super) struct Room {
    bytes: usize,
    state: Mutex<State>,
    given_back: Condvar,
}

#[derive(Debug)]
struct State {
    taken: usize,
    next_ticket: u64,
    tickets: BTreeSet<u64>,
}

/// One thread's share, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    room: &'static Room,
    ticket: Option<u64>,
    bytes: usize,
}

impl Room {
    const fn new(bytes: usize) -> Self {
        let state = State { taken: 0, next_ticket: 0, tickets: BTreeSet::new() };
        Self { bytes, state: Mutex::new(state), given_back: Condvar::new() }
    }
}

impl Share {
    /// An empty share of the process's room.
    pub(super) fn of_process() -> Self {
        Self::of(&PROCESS)
    }

    fn of(room: &'static Room) -> Self {
        Self { room, ticket: None, bytes: 0 }
    }

    /// Takes `more` bytes; waits until there is room or everybody who began earlier is through.
    pub(super) fn take(&mut self, more: usize) {
        let mut state = self.room.state.lock().unwrap_or_else(PoisonError::into_inner);
        let ticket = *self.ticket.get_or_insert_with(|| {
            let ticket = state.next_ticket;
            state.next_ticket += 1;
            state.tickets.insert(ticket);
            ticket
        });
        while state.taken + more > self.room.bytes && state.tickets.first() != Some(&ticket) {
            state = self.room.given_back.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.taken += more;
        self.bytes += more;
    }

    /// Gives everything back.
    pub(super) fn give_back(&mut self) {
        let Some(ticket) = self.ticket.take() else { return };
        let mut state = self.room.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.taken -= std::mem::take(&mut self.bytes);
        state.tickets.remove(&ticket);
        drop(state);
        self.room.given_back.notify_all();
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// Bytes that grow by what the room allows and shrink again.
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
    pub(super) fn push(&mut self, bytes: &[u8], share: &mut Share) {
        if self.bytes.len() + bytes.len() > self.bytes.capacity() {
            self.grow(bytes.len(), share);
        }
        self.bytes.extend_from_slice(bytes);
    }

    #[cold]
    fn grow(&mut self, more: usize, share: &mut Share) {
        let (capacity, needed) = (self.bytes.capacity(), self.bytes.len() + more);
        // Doubling up to what is free; from there in smaller steps, so that little is taken in vain. The system moves
        // pages instead of copying them when something so large grows.
        let step = if capacity < FREE_BYTES { capacity.max(4096) } else { (capacity / 8).max(FREE_BYTES) };
        let mut target = needed.max(capacity + step);
        if needed <= FREE_BYTES {
            target = target.min(FREE_BYTES);
        }
        if target > FREE_BYTES {
            share.take(target - capacity.max(FREE_BYTES));
        }
        self.bytes.reserve_exact(target - self.bytes.len());
    }

    /// Empties the buffer and lets go of what it took beyond what is free; the share is to be given back then.
    pub(super) fn clear(&mut self) {
        self.cut(0);
    }

    /// Keeps the first `len` bytes only, and lets go as [`Buffer::clear`].
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
    fn the_second_waits_until_the_first_gives_back() {
        let room = room(100);
        let mut first = Share::of(room);
        first.take(80);
        let (sender, receiver) = mpsc::channel();
        let second = std::thread::spawn(move || {
            let mut share = Share::of(room);
            share.take(20);
            sender.send("fits").unwrap();
            share.take(20);
            sender.send("has waited").unwrap();
        });
        assert_eq!(receiver.recv().unwrap(), "fits");
        assert!(receiver.recv_timeout(Duration::from_millis(50)).is_err(), "took what was not there");
        first.take(40);
        drop(first);
        assert_eq!(receiver.recv().unwrap(), "has waited");
        second.join().unwrap();
        assert_eq!(room.state.lock().unwrap().taken, 0);
    }

    #[test]
    fn lines_that_grow_side_by_side_all_get_through_within_the_bound() {
        const LINE: usize = 64;
        let room = room(100);
        let (held, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let mut share = Share::of(room);
                        for _ in 0..LINE / 8 {
                            share.take(8);
                            most.fetch_max(held.fetch_add(8, Ordering::SeqCst) + 8, Ordering::SeqCst);
                        }
                        held.fetch_sub(LINE, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(most.into_inner() <= 100 + LINE);
        let state = room.state.lock().unwrap();
        assert_eq!((state.taken, state.tickets.len()), (0, 0));
    }

    #[test]
    fn a_buffer_takes_room_only_beyond_what_is_free_and_shrinks_again() {
        let room = room(64 << 20);
        let (mut share, mut buffer) = (Share::of(room), Buffer::default());
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
        share.give_back();
        assert!(buffer.bytes.capacity() <= FREE_BYTES);
        assert_eq!(room.state.lock().unwrap().taken, 0);
    }
}
