use kernel::{Chance, SeededChance};
use policy::{Grant, Object, Principal, PrincipalKind, Request, Right, Role};

/// Random requests over a small world, so that coincidences (same owner, same moment, same field) are frequent.
pub struct Dice(SeededChance);

/// A request with what it borrows from.
pub struct Case {
    principal: Principal,
    right: Right,
    object: Object,
    fields: Vec<String>,
    purpose: Option<&'static str>,
    grants: Vec<Grant>,
    now_us: i64,
}

impl Case {
    pub fn request(&self) -> Request<'_> {
        Request {
            principal: &self.principal,
            action: "test.action",
            right: self.right,
            object: &self.object,
            fields: &self.fields,
            purpose: self.purpose,
            grants: &self.grants,
            now_us: self.now_us,
        }
    }
}

const PARTIES: [&str; 3] = ["pty_a", "pty_b", "pty_c"];
const KINDS: [&str; 3] = ["machine", "reading", "installation"];
const IDS: [&str; 2] = ["x", "y"];
const FIELDS: [&str; 2] = ["power", "temp"];
const PRINCIPALS: [PrincipalKind; 7] = [
    PrincipalKind::User,
    PrincipalKind::User,
    PrincipalKind::User,
    PrincipalKind::Token,
    PrincipalKind::Device,
    PrincipalKind::System,
    PrincipalKind::Anonymous,
];

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(SeededChance::new(seed))
    }

    pub fn case(&self) -> Case {
        let principal = Principal {
            id: "usr_1".into(),
            kind: self.pick(&PRINCIPALS),
            tenant: self.word(&PARTIES),
            roles: self.some(&Role::ALL),
            suspended: self.below(10) == 0,
        };
        let object = Object {
            kind: self.word(&KINDS),
            id: (self.below(3) > 0).then(|| self.word(&IDS)),
            owner: self.word(&PARTIES),
            participants: if self.below(3) == 0 { self.words(&PARTIES) } else { Vec::new() },
        };
        Case {
            grants: (0..self.below(4)).map(|n| self.grant(n, &principal, &object)).collect(),
            right: if self.below(2) == 0 { Right::View } else { self.pick(&Right::ALL) },
            fields: if self.below(2) == 0 { self.words(&FIELDS) } else { Vec::new() },
            purpose: self.pick(&[None, Some("credit"), Some("service")]),
            now_us: self.below(8) as i64,
            principal,
            object,
        }
    }

    /// More often than not a grant that could help.
    fn grant(&self, number: usize, principal: &Principal, object: &Object) -> Grant {
        Grant {
            id: format!("grt_{number}"),
            grantor: if self.below(3) > 0 { object.owner.clone() } else { self.word(&PARTIES) },
            grantee: if self.below(3) > 0 { principal.tenant.clone() } else { self.word(&PARTIES) },
            kinds: self.words(&KINDS),
            ids: if self.below(2) == 0 { self.words(&IDS) } else { Vec::new() },
            fields: if self.below(2) == 0 { self.words(&FIELDS) } else { Vec::new() },
            purpose: self.word(&["any", "credit", "service"]),
            not_before_us: self.below(4) as i64,
            expires_us: 2 + self.below(6) as i64,
            revoked: self.below(4) == 0,
        }
    }

    fn below(&self, bound: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        (u64::from_le_bytes(bytes) % bound as u64) as usize
    }
    fn pick<T: Copy>(&self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
    fn some<T: Copy>(&self, list: &[T]) -> Vec<T> {
        list.iter().copied().filter(|_| self.below(2) == 0).collect()
    }
    fn word(&self, list: &[&str]) -> String {
        self.pick(list).to_owned()
    }
    fn words(&self, list: &[&str]) -> Vec<String> {
        self.some(list).into_iter().map(str::to_owned).collect()
    }
}
