//! The policies against an evaluator that was written from the words of the security requirements, without looking at Cedar.

use kernel::{Chance, SeededChance};
use policy::{Engine, Grant, Object, Principal, PrincipalKind, Request, Right};

struct Dice(SeededChance);

impl Dice {
    fn below(&self, bound: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        (u64::from_le_bytes(bytes) % bound as u64) as usize
    }
    fn pick<T: Clone>(&self, list: &[T]) -> T {
        list[self.below(list.len())].clone()
    }
    fn some<T: Clone>(&self, list: &[T]) -> Vec<T> {
        list.iter().filter(|_| self.below(2) == 0).cloned().collect()
    }
}

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

/// May they? In plain words.
fn reference(request: &Request<'_>) -> bool {
    let (who, what) = (request.principal, request.object);
    if request.right == Right::Public {
        return true;
    }
    if who.kind == PrincipalKind::System {
        return !who.suspended || request.right == Right::SignedIn;
    }
    if who.kind == PrincipalKind::Anonymous {
        return false;
    }
    if who.suspended && request.right != Right::SignedIn {
        return false;
    }
    let own = who.tenant == what.owner;
    if who.kind == PrincipalKind::Device {
        return request.right == Right::Ingest && own;
    }
    let has = |role: &str| who.roles.contains(&role);
    let may_look = ["admin", "operator", "trader", "finance", "viewer"].iter().any(|role| has(role));
    match request.right {
        Right::Ingest => false,
        Right::SignedIn => own,
        Right::Operate => own && (has("admin") || has("operator")),
        Right::Trade => own && (has("admin") || has("trader")),
        Right::Finance => own && (has("admin") || has("finance")),
        Right::Administer => own && has("admin"),
        Right::View => {
            let granted = request.grants.iter().any(|grant| {
                !grant.revoked
                    && grant.grantor == what.owner
                    && grant.grantee == who.tenant
                    && (grant.not_before_us..grant.expires_us).contains(&request.now_us)
                    && grant.kinds.contains(&what.kind)
                    && (grant.ids.is_empty() || what.id.as_ref().is_some_and(|id| grant.ids.contains(id)))
                    && (grant.fields.is_empty()
                        || (!request.fields.is_empty() && request.fields.iter().all(|f| grant.fields.contains(f))))
                    && (grant.purpose == "any" || Some(grant.purpose.as_str()) == request.purpose)
            });
            may_look && (own || what.participants.contains(&who.tenant) || granted)
        }
        Right::Public => true,
    }
}

#[test]
fn a_hundred_thousand_random_requests_agree() {
    let engine = Engine::new().unwrap();
    let dice = Dice(SeededChance::new(4));
    let parties = strings(&["pty_a", "pty_b", "pty_c"]);
    let kinds = strings(&["machine", "reading"]);
    let ids = strings(&["x", "y"]);
    let fields = strings(&["power", "temp"]);
    let roles = ["admin", "operator", "trader", "finance", "viewer", "platform"];
    let principals = [
        PrincipalKind::User,
        PrincipalKind::User,
        PrincipalKind::User,
        PrincipalKind::Token,
        PrincipalKind::Device,
        PrincipalKind::System,
        PrincipalKind::Anonymous,
    ];
    let (mut allowed, mut by_grant) = (0, 0);
    for round in 0..100_000 {
        let principal = Principal {
            id: "usr_1".into(),
            kind: dice.pick(&principals),
            tenant: dice.pick(&parties),
            roles: dice.some(&roles),
            suspended: dice.below(10) == 0,
        };
        let object = Object {
            kind: dice.pick(&kinds),
            id: (dice.below(3) > 0).then(|| dice.pick(&ids)),
            owner: dice.pick(&parties),
            participants: if dice.below(3) == 0 { dice.some(&parties) } else { Vec::new() },
        };
        let grants: Vec<Grant> = (0..dice.below(4))
            .map(|n| Grant {
                id: format!("grt_{n}"),
                grantor: if dice.below(3) > 0 { object.owner.clone() } else { dice.pick(&parties) },
                grantee: if dice.below(3) > 0 { principal.tenant.clone() } else { dice.pick(&parties) },
                kinds: dice.some(&kinds),
                ids: if dice.below(2) == 0 { dice.some(&ids) } else { Vec::new() },
                fields: if dice.below(2) == 0 { dice.some(&fields) } else { Vec::new() },
                purpose: dice.pick(&strings(&["any", "credit", "service"])),
                not_before_us: dice.below(4) as i64,
                expires_us: 2 + dice.below(6) as i64,
                revoked: dice.below(4) == 0,
            })
            .collect();
        let asked = if dice.below(2) == 0 { dice.some(&fields) } else { Vec::new() };
        let request = Request {
            principal: &principal,
            action: "test.action",
            right: if dice.below(2) == 0 { Right::View } else { dice.pick(&Right::ALL) },
            object: &object,
            fields: &asked,
            purpose: [None, Some("credit"), Some("service")][dice.below(3)],
            grants: &grants,
            now_us: dice.below(8) as i64,
        };
        let decision = engine.decide(&request);
        assert_eq!(decision.allowed, reference(&request), "round {round}: {request:?} → {decision:?}");
        allowed += u32::from(decision.allowed);
        by_grant += u32::from(decision.grant.is_some());
    }
    assert!(allowed > 10_000 && by_grant > 500, "the sample is too one-sided: {allowed} allowed, {by_grant} by grant");
}
