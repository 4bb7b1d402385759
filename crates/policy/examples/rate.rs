//! How many decisions a second: `cargo run -p policy --example rate`.

use std::time::{Duration, Instant};

use policy::{Engine, Grant, Object, Principal, PrincipalKind, Request, Right, Role};

fn main() -> kernel::Result<()> {
    let begin = Instant::now();
    let engine = Engine::new()?;
    println!("policies parsed in {:.1?}", begin.elapsed());
    let owner = "pty_owner";
    let principal = |tenant: &str| Principal {
        id: "usr_1".into(),
        kind: PrincipalKind::User,
        tenant: tenant.into(),
        roles: vec![Role::Operator, Role::Trader],
        suspended: false,
    };
    let object =
        Object { kind: "machine".into(), id: Some("ast_7".into()), owner: owner.into(), participants: Vec::new() };
    let grant = |number: usize| Grant {
        id: format!("grt_{number}"),
        grantor: owner.into(),
        grantee: "pty_bank".into(),
        kinds: vec!["machine".into()],
        ids: vec!["ast_7".into()],
        fields: vec![if number == 0 { "power".into() } else { format!("other_{number}") }],
        purpose: "credit".into(),
        not_before_us: 0,
        expires_us: i64::MAX,
        revoked: false,
    };
    let fields = ["power".to_owned()];
    let last_of = |count: usize| (0..count).rev().map(grant).collect::<Vec<_>>();
    let (own, bank) = (principal(owner), principal("pty_bank"));
    for (name, who, grants, allowed) in [
        ("own machine", &own, Vec::new(), true),
        ("stranger, no grant", &bank, Vec::new(), false),
        ("by the only grant", &bank, last_of(1), true),
        ("by the last of 20 about it", &bank, last_of(20), true),
    ] {
        let request = Request {
            principal: who,
            action: "twin.machine.read",
            right: Right::View,
            object: &object,
            fields: &fields,
            purpose: Some("credit"),
            grants: &grants,
            now_us: 1,
        };
        let (begin, mut rounds) = (Instant::now(), 0u32);
        while begin.elapsed() < Duration::from_secs(1) {
            for _ in 0..100 {
                assert_eq!(std::hint::black_box(engine.decide(&request)).allowed, allowed);
            }
            rounds += 100;
        }
        let each = begin.elapsed() / rounds;
        println!("{name:26} {:>8.0} decisions/s, {each:.1?} each", f64::from(rounds) / begin.elapsed().as_secs_f64());
    }
    Ok(())
}
