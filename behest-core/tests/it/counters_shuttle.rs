//! Calls side by side, in every order that a scheduler finds: what they settle, while it is loaded, counts once.

use std::sync::Arc;

use behest_core::gateway::limits::counters::{Charge, Denied, Question, Take};
use behest_core::gateway::limits::memory::book::{Book, Load, Step};
use behest_core::gateway::limits::meter::{Measure, Meter, Subject};
use behest_core::gateway::limits::window::Window;
use behest_core::gateway::store::StoreError;
use shuttle::sync::Mutex;
use shuttle::thread;

use crate::counters_fake::{Entry, NOW, charge, hold, meter, sum, take, user};

/// Schedules tried for each test.
const SCHEDULES: usize = 2_000;

/// What the threads share: the book as the gateway keeps it, behind one lock, and a ledger behind another.
struct Shared {
    book: Mutex<Book>,
    ledger: Mutex<Vec<Entry>>,
}

impl Shared {
    fn new() -> Arc<Self> {
        Arc::new(Self { book: Mutex::new(Book::new(NOW, 100)), ledger: Mutex::default() })
    }

    fn ask<T>(&self, question: impl Fn(&mut Book) -> Step<T>) -> T {
        loop {
            let step = question(&mut self.book.lock().expect("no panic"));
            match step {
                Step::Done(answer) => return answer,
                Step::Wait { begins: Some(load), .. } => self.load(load),
                // Somebody else's load is under way.
                Step::Wait { begins: None, .. } => thread::yield_now(),
            }
        }
    }

    fn load(&self, load: Load) {
        let sums = {
            let ledger = self.ledger.lock().expect("no panic");
            load.questions.iter().map(|question: &Question| sum(&ledger, question, &load.except)).collect()
        };
        thread::yield_now();
        self.book.lock().expect("no panic").loaded(load, &Ok(sums));
    }

    fn take(&self, take: &Take) -> Result<(), Denied> {
        self.ask(|book| book.take(take)).map(drop)
    }

    fn used(&self, meter: &Arc<Meter>) -> (u64, u64) {
        let standings: Result<_, StoreError> =
            self.ask(|book| book.standings(std::slice::from_ref(meter), NOW));
        let standing = standings.expect("a standing")[0];
        (standing.used, standing.reserved)
    }

    fn record(&self, take: &Take, charge: &Charge) {
        let entry = Entry {
            operation: take.operation,
            payer: Arc::clone(&take.payer),
            admitted_at: take.admitted_at,
            charge: charge.clone(),
        };
        self.ledger.lock().expect("no panic").push(entry);
    }

    /// One call with two attempts, each settled and recorded in one or the other order.
    fn call(&self, call: &Take, settles_first: bool) {
        if self.take(call).is_err() {
            return;
        }
        for tokens in [3, 4] {
            let attempt = charge(call, 1, tokens, 0);
            if settles_first {
                assert!(self.book.lock().expect("no panic").settle(&attempt).is_some());
                self.record(call, &attempt);
            } else {
                self.record(call, &attempt);
                assert!(self.book.lock().expect("no panic").settle(&attempt).is_some());
            }
        }
        self.book.lock().expect("no panic").release(call.lease);
        self.book.lock().expect("no panic").release(call.lease);
    }
}

#[test]
fn what_is_settled_while_a_meter_is_loaded_counts_once() {
    shuttle::check_random(
        || {
            let shared = Shared::new();
            let day = meter(user("u"), Measure::Tokens, Window::Day);
            let month = meter(Subject::Project, Measure::Tokens, Window::Month);
            let busy = meter(user("u"), Measure::Concurrency, Window::Total);
            // One call names the day, one the month, and one neither.
            let demands =
                [vec![hold(&day, None, 7)], vec![hold(&month, None, 7)], vec![hold(&busy, None, 1)]];
            let mut threads = Vec::new();
            for (index, demands) in demands.into_iter().enumerate() {
                let shared = Arc::clone(&shared);
                threads.push(thread::spawn(move || shared.call(&take(Some("u"), demands), index == 1)));
            }
            let (watcher, watched) = (Arc::clone(&shared), Arc::clone(&month));
            threads.push(thread::spawn(move || {
                let (used, reserved) = watcher.used(&watched);
                assert!(used <= 21 && reserved <= 7, "{used} {reserved}");
            }));
            for thread in threads {
                thread.join().expect("no panic");
            }
            assert_eq!((shared.used(&day), shared.used(&month)), ((21, 0), (21, 0)));
            assert_eq!(shared.used(&busy), (0, 0));
        },
        SCHEDULES,
    );
}

#[test]
fn no_order_of_calls_passes_a_limit() {
    shuttle::check_random(
        || {
            let shared = Shared::new();
            let day = meter(user("u"), Measure::Tokens, Window::Day);
            let earlier = take(Some("u"), Vec::new());
            shared.record(&earlier, &charge(&earlier, 1, 10, 0));
            let mut threads = Vec::new();
            for index in 0..3 {
                let (shared, day) = (Arc::clone(&shared), Arc::clone(&day));
                threads.push(thread::spawn(move || {
                    shared.call(&take(Some("u"), vec![hold(&day, Some(24), 7)]), index == 1);
                    let (used, reserved) = shared.used(&day);
                    assert!(used + reserved <= 24, "{used} {reserved}");
                }));
            }
            for thread in threads {
                thread.join().expect("no panic");
            }
            assert_eq!(shared.used(&day), (24, 0), "two fit, whatever their order");
        },
        SCHEDULES,
    );
}
