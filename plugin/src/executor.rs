//! Runs many flows side by side on one thread. What they ask for between two points where none can go on is one wave.
//!
//! Promises: 200 flows of three dependent steps make three waves; a wave is cut to the host's limit; flows are polled in the
//! order given, so the same answers lead to the same requests.
//! Invariant: nobody else calls `Host::send_all` (but the preflight, which has one wave and no flow).

use crate::host::{Answer, Host, Request};
use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

pub type Flow<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Within one flow: all of these side by side, so that what they ask for goes out together. Answers in their order.
pub async fn all<T>(flows: Vec<Flow<'_, T>>) -> Vec<T> {
    let mut flows: Vec<(Flow<'_, T>, Option<T>)> = flows.into_iter().map(|flow| (flow, None)).collect();
    std::future::poll_fn(|task| {
        for (flow, end) in flows.iter_mut().filter(|(_, end)| end.is_none()) {
            if let Poll::Ready(ended) = flow.as_mut().poll(task) {
                *end = Some(ended);
            }
        }
        if flows.iter().all(|(_, end)| end.is_some()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    flows.into_iter().filter_map(|(_, end)| end).collect()
}

#[derive(Default)]
pub struct Waves(RefCell<Inner>);

#[derive(Default)]
struct Inner {
    asked: Vec<(usize, Request)>,
    /// By number of the request; taken out by who asked.
    answers: Vec<Option<Answer>>,
}

/// The answer to come.
pub struct Asked<'a> {
    waves: &'a Waves,
    id: usize,
}

impl Future for Asked<'_> {
    type Output = Answer;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Answer> {
        match self.waves.0.borrow_mut().answers[self.id].take() {
            Some(answer) => Poll::Ready(answer),
            None => Poll::Pending,
        }
    }
}

impl Waves {
    /// Asks, and goes on with the answer of the wave that takes this along.
    pub fn send(&self, request: Request) -> Asked<'_> {
        let mut inner = self.0.borrow_mut();
        let id = inner.answers.len();
        inner.answers.push(None);
        inner.asked.push((id, request));
        Asked { waves: self, id }
    }

    /// Runs all flows to their end; answers in the order of `flows`.
    pub fn run<T>(&self, host: &dyn Host, wave_max: u32, flows: Vec<Flow<'_, T>>) -> Vec<T> {
        let mut ends: Vec<Option<T>> = flows.iter().map(|_| None).collect();
        let noting = flows
            .into_iter()
            .zip(&mut ends)
            .map(|(flow, end)| -> Flow<'_, ()> { Box::pin(async move { *end = Some(flow.await) }) });
        self.run_all(host, wave_max, noting.collect());
        ends.into_iter().flatten().collect()
    }

    fn run_all(&self, host: &dyn Host, wave_max: u32, mut flows: Vec<Flow<'_, ()>>) {
        let wave_max = usize::try_from(wave_max.max(1)).unwrap_or(usize::MAX);
        let mut task = Context::from_waker(Waker::noop());
        loop {
            flows.retain_mut(|flow| flow.as_mut().poll(&mut task).is_pending());
            let mut asked = std::mem::take(&mut self.0.borrow_mut().asked);
            if asked.is_empty() {
                assert!(flows.is_empty(), "a flow waits for an answer only, and every answer was given");
                return;
            }
            while !asked.is_empty() {
                let rest = asked.split_off(asked.len().min(wave_max));
                let (ids, requests): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
                let answers = host.send_all(requests);
                assert_eq!(ids.len(), answers.len(), "the host answers every request of a wave");
                for (id, answer) in ids.into_iter().zip(answers) {
                    self.0.borrow_mut().answers[id] = Some(answer);
                }
                asked = rest;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        call::{Call, LIVESTORM},
        test_host::{TestHost, ok},
    };

    const PING: Call = Call::read(LIVESTORM, "/v1/{step}", "ping", "test");

    fn three_steps(flows: usize, wave_max: u32) -> (Vec<usize>, Vec<usize>) {
        let host = TestHost::new(0, |request| ok(&request.path[1]));
        let waves = Waves::default();
        let flow = |number: usize| {
            let waves = &waves;
            Box::pin(async move {
                for step in 0..3 {
                    let step = step.to_string();
                    let answer = waves.send(PING.request(&[&step], &[], None)).await;
                    assert_eq!(answer.unwrap().body, step.as_bytes());
                }
                number
            }) as Flow<'_, usize>
        };
        let ends = waves.run(&host, wave_max, (0..flows).map(flow).collect());
        (host.wave_sizes(), ends)
    }

    #[test]
    fn two_hundred_flows_of_three_steps_are_three_waves() {
        let (waves, ends) = three_steps(200, 256);
        assert_eq!(waves, [200, 200, 200]);
        assert_eq!(ends, (0..200).collect::<Vec<_>>());
    }

    #[test]
    fn what_one_flow_does_side_by_side_goes_out_together() {
        let host = TestHost::new(0, |request| ok(&request.path[1]));
        let waves = Waves::default();
        let ask = |steps: usize| -> Flow<'_, usize> {
            let waves = &waves;
            Box::pin(async move {
                for step in 0..steps {
                    let _ = waves.send(PING.request(&[&step.to_string()], &[], None)).await;
                }
                steps
            })
        };
        let flow: Flow<'_, Vec<usize>> = Box::pin(all(vec![ask(1), ask(3), ask(0), ask(2)]));
        assert_eq!(waves.run(&host, 256, vec![flow]), [vec![1, 3, 0, 2]]);
        assert_eq!(host.wave_sizes(), [3, 2, 1]);
    }

    #[test]
    fn a_wave_is_cut_to_the_limit() {
        assert_eq!(three_steps(10, 4).0, [4, 4, 2, 4, 4, 2, 4, 4, 2]);
    }

    #[test]
    fn no_flow_makes_no_wave() {
        assert_eq!(three_steps(0, 4), (vec![], vec![]));
    }
}
