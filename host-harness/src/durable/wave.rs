//! How a wave goes out: per connection so many side by side, and a durable begin per chunk, not per wave and not per
//! request. One crash then makes at most a chunk of unknowns, and 200 sends five at a time cost 40 durable writes.
//! Pure. Not here: pace and retries (`connections`).

use crate::effect::{Repeat, Request};
use std::collections::VecDeque;

/// Requests of one connection that are still to be sent, in order.
#[derive(Debug)]
pub struct Queue {
    in_flight_max: usize,
    in_flight: usize,
    waiting: VecDeque<(usize, Request)>,
}

impl Queue {
    pub fn new(in_flight_max: usize) -> Queue {
        Queue { in_flight_max: in_flight_max.max(1), in_flight: 0, waiting: VecDeque::new() }
    }

    pub fn push(&mut self, place: usize, request: Request) {
        self.waiting.push_back((place, request));
    }

    /// What is sent now. One that needs no begin goes as soon as there is room. A `once` waits until the connection is
    /// idle, so that a whole chunk shares one durable begin.
    pub fn chunk(&mut self) -> Vec<(usize, Request)> {
        let room = self.in_flight_max.saturating_sub(self.in_flight);
        let idle = self.in_flight == 0;
        let goes = |(_, request): &&(usize, Request)| idle || request.repeat != Repeat::Once;
        let count = self.waiting.iter().take(room).take_while(goes).count();
        self.in_flight += count;
        self.waiting.drain(..count).collect()
    }

    pub fn answered(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// What is not sent at all.
    pub fn give_up(&mut self) -> Vec<(usize, Request)> {
        self.waiting.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::Method;

    fn request(repeat: Repeat) -> Request {
        Request {
            connection: "c".into(),
            method: Method::Get,
            path: vec![],
            query: vec![],
            headers: vec![],
            body: None,
            repeat,
            purpose: String::new(),
        }
    }

    #[test]
    fn reads_flow_and_a_once_waits_for_its_chunk() {
        use Repeat::{Once, Read};
        let mut queue = Queue::new(2);
        for (place, repeat) in [Read, Read, Read, Once, Once, Once].into_iter().enumerate() {
            queue.push(place, request(repeat));
        }
        let mut chunk = || queue.chunk().into_iter().map(|(place, _)| place).collect::<Vec<_>>();
        assert_eq!(chunk(), [0, 1]);
        assert!(chunk().is_empty());
        queue.answered();
        let mut chunk = || queue.chunk().into_iter().map(|(place, _)| place).collect::<Vec<_>>();
        assert_eq!(chunk(), [2]);
        queue.answered();
        assert!(queue.chunk().is_empty(), "a `once` does not join others that are under way");
        queue.answered();
        assert_eq!(queue.chunk().len(), 2);
        queue.answered();
        assert!(queue.chunk().is_empty());
        assert_eq!(queue.give_up().len(), 1);
    }
}
