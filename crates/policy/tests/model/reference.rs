use policy::{Grant, PrincipalKind, Request, Right, Role};

/// May they? In plain words.
pub fn may(request: &Request<'_>) -> bool {
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
    let has = |role: Role| who.roles.contains(&role);
    let may_look = [Role::Admin, Role::Operator, Role::Trader, Role::Finance, Role::Viewer].into_iter().any(has);
    match request.right {
        Right::Public => true,
        Right::Ingest => false,
        Right::SignedIn => own,
        Right::Operate => own && (has(Role::Admin) || has(Role::Operator)),
        Right::Trade => own && (has(Role::Admin) || has(Role::Trader)),
        Right::Finance => own && (has(Role::Admin) || has(Role::Finance)),
        Right::Administer => (own && has(Role::Admin)) || (what.kind == "installation" && has(Role::Platform)),
        Right::View => {
            let granted = request.grants.iter().any(|grant| holds(grant, request));
            may_look && (own || what.participants.contains(&who.tenant) || granted)
        }
    }
}

/// Whether this one grant covers the whole request.
fn holds(grant: &Grant, request: &Request<'_>) -> bool {
    let (who, what) = (request.principal, request.object);
    if grant.revoked || !(grant.not_before_us..grant.expires_us).contains(&request.now_us) {
        return false;
    }
    if grant.grantor != what.owner || grant.grantee != who.tenant || !grant.kinds.contains(&what.kind) {
        return false;
    }
    let this_one = grant.ids.is_empty() || what.id.as_ref().is_some_and(|id| grant.ids.contains(id));
    // A grant of some fields does not open the whole.
    let these_fields = grant.fields.is_empty()
        || (!request.fields.is_empty() && request.fields.iter().all(|field| grant.fields.contains(field)));
    let this_purpose = grant.purpose == "any" || Some(grant.purpose.as_str()) == request.purpose;
    this_one && these_fields && this_purpose
}
