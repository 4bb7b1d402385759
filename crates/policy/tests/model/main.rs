//! The policies against an evaluator that was written from the words of the security requirements, without looking at Cedar.

mod random;
mod reference;

use policy::Engine;
use random::Dice;

/// Policies that only say twice what default deny says already: they stay, so that a careless permit added later is stopped.
const SPARE: [&str; 1] = ["ingest-devices-only"];

#[test]
fn a_hundred_thousand_random_requests_agree() {
    let engine = Engine::new().unwrap();
    let dice = Dice::new(4);
    let (mut allowed, mut by_grant) = (0, 0);
    for round in 0..100_000 {
        let case = dice.case();
        let request = case.request();
        let decision = engine.decide(&request);
        assert_eq!(decision.allowed, reference::may(&request), "round {round}: {request:?} → {decision:?}");
        assert!(!decision.allowed || !decision.reasons.is_empty(), "round {round}: allowed without a reason");
        allowed += u32::from(decision.allowed);
        by_grant += u32::from(decision.grant.is_some());
    }
    assert!(allowed > 10_000 && by_grant > 500, "the sample is too one-sided: {allowed} allowed, {by_grant} by grant");
}

#[test]
fn requests_conform_to_the_schema() {
    let (engine, strict) = (Engine::new().unwrap(), Engine::new().unwrap().strict().unwrap());
    let dice = Dice::new(5);
    for _ in 0..2_000 {
        let case = dice.case();
        assert_eq!(engine.decide(&case.request()), strict.decide(&case.request()));
    }
}

#[test]
fn every_policy_matters() {
    let mut idle = Vec::new();
    for name in Engine::new().unwrap().policy_names() {
        let engine = Engine::new().unwrap().without(&name).unwrap();
        let dice = Dice::new(6);
        let differs = (0..20_000).any(|_| {
            let case = dice.case();
            engine.decide(&case.request()).allowed != reference::may(&case.request())
        });
        if !differs {
            idle.push(name);
        }
    }
    assert_eq!(idle, SPARE, "the model test does not notice when these policies are missing");
}
