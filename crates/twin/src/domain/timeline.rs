//! Timelines as lists of spans: without holes, without overlap, neighbours differ.

use contracts::twin::{MachineState, StateSpan};
use kernel::{Duration, Timestamp, Window};

/// What timelines are stored and cached by: UTC days.
pub const DAY: Duration = Duration::from_days(1);

/// Adds a span at the end, growing the last one when the state goes on.
pub fn push(spans: &mut Vec<StateSpan>, span: StateSpan) {
    match spans.last_mut() {
        Some(last) if last.state == span.state && last.window.to == span.window.from => last.window.to = span.window.to,
        _ => spans.push(span),
    }
}

/// The spans of a window from pieces in order of time: clipped, joined, and `Unknown` where no piece says anything.
pub fn fill(pieces: impl IntoIterator<Item = StateSpan>, window: Window) -> Vec<StateSpan> {
    let mut spans = Vec::new();
    let mut at = window.from;
    for piece in pieces {
        let Some(part) = piece.window.intersect(&Window { from: at, to: window.to }) else { continue };
        if at < part.from {
            push(&mut spans, StateSpan { window: Window { from: at, to: part.from }, state: MachineState::Unknown });
        }
        push(&mut spans, StateSpan { window: part, state: piece.state });
        at = part.to;
    }
    if at < window.to {
        push(&mut spans, StateSpan { window: Window { from: at, to: window.to }, state: MachineState::Unknown });
    }
    spans
}

/// The UTC days that a window touches.
pub fn days(window: Window) -> impl Iterator<Item = Window> {
    let mut from = window.from.floor_to(DAY);
    std::iter::from_fn(move || {
        (from < window.to).then(|| {
            let day = Window { from, to: from + DAY };
            from = day.to;
            day
        })
    })
}

/// The day a moment is in.
pub fn day_of(at: Timestamp) -> Window {
    let from = at.floor_to(DAY);
    Window { from, to: from + DAY }
}

/// Time spent in a state.
pub fn time_in(spans: &[StateSpan], state: MachineState) -> Duration {
    spans.iter().filter(|span| span.state == state).fold(Duration::default(), |sum, span| sum + span.window.length())
}

/// As stored and sent.
pub fn state_name(state: MachineState) -> &'static str {
    match state {
        MachineState::Running => "running",
        MachineState::Idle => "idle",
        MachineState::Down => "down",
        MachineState::Off => "off",
        MachineState::Unknown => "unknown",
    }
}

/// From its stored name; a name that nobody wrote is unknown.
pub fn state_named(name: &str) -> MachineState {
    [MachineState::Running, MachineState::Idle, MachineState::Down, MachineState::Off]
        .into_iter()
        .find(|state| state_name(*state) == name)
        .unwrap_or(MachineState::Unknown)
}

/// The same state in the words of the contract.
pub fn state_of(state: models::state::MachineState) -> MachineState {
    match state {
        models::state::MachineState::Running => MachineState::Running,
        models::state::MachineState::Idle => MachineState::Idle,
        models::state::MachineState::Down => MachineState::Down,
        models::state::MachineState::Off => MachineState::Off,
        models::state::MachineState::Unknown => MachineState::Unknown,
    }
}

/// The same span in the words of the contract.
pub fn span_of(span: models::state::StateSpan) -> StateSpan {
    StateSpan { window: span.window, state: state_of(span.state) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STATES: [MachineState; 5] =
        [MachineState::Running, MachineState::Idle, MachineState::Down, MachineState::Off, MachineState::Unknown];

    fn window(from: i64, to: i64) -> Window {
        Window { from: Timestamp::from_micros(from), to: Timestamp::from_micros(to) }
    }

    #[test]
    fn names_are_kept_apart() {
        for state in STATES {
            assert_eq!(state_named(state_name(state)), state);
        }
    }

    #[test]
    fn a_window_over_midnight_touches_two_days() {
        let day = DAY.micros();
        let touched: Vec<_> = days(window(day - 1, day + 1)).collect();
        assert_eq!(touched, [window(0, day), window(day, 2 * day)]);
        assert_eq!(days(window(0, day)).count(), 1);
        assert_eq!(day_of(Timestamp::from_micros(-1)), window(-day, 0));
    }

    proptest! {
        /// Whatever pieces come, in whatever gaps and overlaps, the answer covers the window exactly once and neighbours differ.
        #[test]
        fn filled_timelines_have_no_holes(
            mut pieces in proptest::collection::vec((0i64..200, 1i64..40, 0usize..5), 0..12),
            from in 0i64..100, length in 1i64..150,
        ) {
            pieces.sort();
            let spans = pieces.iter().map(|(at, length, state)| StateSpan { window: window(*at, at + length), state: STATES[*state] });
            let asked = window(from, from + length);
            let filled = fill(spans, asked);
            prop_assert_eq!(filled[0].window.from, asked.from);
            prop_assert_eq!(filled[filled.len() - 1].window.to, asked.to);
            for pair in filled.windows(2) {
                prop_assert_eq!(pair[0].window.to, pair[1].window.from);
                prop_assert_ne!(pair[0].state, pair[1].state);
            }
            let total: i64 = STATES.iter().map(|state| time_in(&filled, *state).micros()).sum();
            prop_assert_eq!(total, length);
        }
    }
}
