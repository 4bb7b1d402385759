//! Things with an owner and a custodian, and what actions do to them. Owner and custodian are independent (I11).

use kernel::{
    Decimal, Error, Quantity, Result,
    id::{AssetId, ItemId, PartyId, ResourceId},
};

use crate::{
    event::{Action, Effect},
    machine::{machine, words},
};

words! {
    /// What kind of resource it is.
    pub enum ResourceKind {
        /// A machine, tool or building: followed one by one.
        Asset "asset";
        /// A quantity of one item made together.
        Lot "lot";
        /// One piece with a serial number.
        Serial "serial";
        /// Something that holds others.
        Container "container";
        /// Something that can be copied.
        Digital "digital";
        /// A paper that stands for goods.
        Receipt "receipt";
    }
}

machine! {
    /// Where a resource stands: the first five states are an asset's, the others a lot's or piece's.
    pub enum ResourceState refuses "record.resource.step" {
        /// Known.
        Registered "registered" => [Commissioned, Retired];
        /// Accepted after installation.
        Commissioned "commissioned" => [InService, Retired];
        /// Working.
        InService "in_service" => [Maintenance, Idle, Retired];
        /// Being maintained.
        Maintenance "maintenance" => [InService, Idle, Retired];
        /// Not used.
        Idle "idle" => [InService, Maintenance, Retired];
        /// Out of service for good.
        Retired "retired" => [];
        /// Announced, not there yet.
        Expected "expected" => [Available, Scrapped];
        /// There, and free.
        Available "available" => [Held, Consumed, Scrapped, Shipped];
        /// There, and blocked.
        Held "held" => [Available, Scrapped];
        /// Used up.
        Consumed "consumed" => [];
        /// Thrown away.
        Scrapped "scrapped" => [];
        /// Given away.
        Shipped "shipped" => [];
    }
}

impl ResourceKind {
    /// The state a new resource of this kind is in.
    pub fn first_state(self) -> ResourceState {
        match self {
            ResourceKind::Asset | ResourceKind::Container => ResourceState::Registered,
            _ => ResourceState::Available,
        }
    }
}

/// A resource.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Resource {
    /// Its id.
    #[schema(value_type = String)]
    pub id: ResourceId,
    /// What kind.
    pub kind: ResourceKind,
    /// What it is.
    #[schema(value_type = Option<String>)]
    pub item: Option<ItemId>,
    /// Serial, lot number or code plate.
    pub identifier: String,
    /// Whose it is.
    #[schema(value_type = String)]
    pub owner: PartyId,
    /// Who has it.
    #[schema(value_type = String)]
    pub custodian: PartyId,
    /// How much the owner has.
    #[schema(value_type = crate::wire::QuantitySchema)]
    pub accounting: Quantity,
    /// How much is there.
    #[schema(value_type = crate::wire::QuantitySchema)]
    pub on_hand: Quantity,
    /// Where.
    pub location: String,
    /// Its twin on the shop floor.
    #[schema(value_type = Option<String>)]
    pub asset: Option<AssetId>,
    /// Verdict of the last inspection.
    pub disposition: String,
    /// Where it stands.
    pub state: ResourceState,
}

/// What an event does to the resource it is about and the one it leads to.
///
/// # Errors
/// `record.resource.short` when quantities would fall below zero (I10), `record.resource.held` when it is blocked,
/// `record.event.resource-needed` when the action needs one and there is none.
pub fn effects_apply(
    action: Action,
    receiver: PartyId,
    quantity: Option<Quantity>,
    from: Option<Resource>,
    to: Option<Resource>,
) -> Result<(Option<Resource>, Option<Resource>)> {
    let rule = action.rule();
    let Some(mut from) = from else {
        if rule.needs_resource {
            return Err(Error::unprocessable(
                "record.event.resource-needed",
                format!("{action} needs the resource it is about"),
            )
            .hint("name the resource"));
        }
        return Ok((None, to));
    };
    let moves = rule.accounting != Effect::None || rule.on_hand != Effect::None;
    if moves && from.state == ResourceState::Held && action != Action::Inspect {
        return Err(Error::conflict("record.resource.held", format!("{} is on hold", from.identifier))
            .hint("release the hold by an inspection first"));
    }
    let amount = match quantity {
        Some(quantity) => quantity.to(from.on_hand.unit)?.value,
        None => Decimal::ZERO,
    };
    let mut to = to;
    from.accounting = changed(&from, from.accounting, rule.accounting, amount)?;
    from.on_hand = changed(&from, from.on_hand, rule.on_hand, amount)?;
    if let Some(to) = &mut to {
        if rule.accounting == Effect::Shift {
            to.accounting = to.accounting.plus(Quantity::new(amount, from.accounting.unit))?;
        }
        if rule.on_hand == Effect::Shift {
            to.on_hand = to.on_hand.plus(Quantity::new(amount, from.on_hand.unit))?;
        }
    } else {
        // Without a second resource the thing as a whole changes hands and keeps its quantities.
        let whole = [(rule.accounting, from.accounting), (rule.on_hand, from.on_hand)];
        if whole.iter().any(|(effect, left)| *effect == Effect::Shift && left.value != Decimal::ZERO) {
            return Err(Error::unprocessable(
                "record.resource.part",
                format!("only a part of {} would change hands", from.identifier),
            )
            .hint("name the resource the part becomes, or hand over all of it"));
        }
        if rule.accounting == Effect::Shift {
            from.accounting = from.accounting.plus(Quantity::new(amount, from.accounting.unit))?;
        }
        if rule.on_hand == Effect::Shift {
            from.on_hand = from.on_hand.plus(Quantity::new(amount, from.on_hand.unit))?;
        }
        if rule.moves_owner {
            from.owner = receiver;
        }
        if rule.moves_custodian {
            from.custodian = receiver;
        }
    }
    Ok((Some(from), to))
}

fn changed(resource: &Resource, before: Quantity, effect: Effect, amount: Decimal) -> Result<Quantity> {
    let after = match effect {
        Effect::None => return Ok(before),
        Effect::Increase => before.value + amount,
        Effect::Decrease | Effect::Shift => before.value - amount,
    };
    if after < Decimal::ZERO {
        return Err(Error::conflict(
            "record.resource.short",
            format!("{} has {before} and {amount} {} are wanted", resource.identifier, before.unit),
        )
        .hint("take less, or record what arrived first"));
    }
    Ok(Quantity::new(after, before.unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Id;
    use proptest::prelude::*;

    fn party(n: u8) -> PartyId {
        Id::from_uuid(uuid::Uuid::from_bytes([n; 16]))
    }

    fn lot(quantity: i64) -> Resource {
        let quantity = Quantity::parse(&quantity.to_string(), "H87").unwrap();
        Resource {
            id: Id::from_uuid(uuid::Uuid::from_bytes([9; 16])),
            kind: ResourceKind::Lot,
            item: None,
            identifier: "LOT-1".into(),
            owner: party(1),
            custodian: party(1),
            accounting: quantity,
            on_hand: quantity,
            location: String::new(),
            asset: None,
            disposition: String::new(),
            state: ResourceState::Available,
        }
    }

    fn pieces(n: i64) -> Option<Quantity> {
        Some(Quantity::parse(&n.to_string(), "H87").unwrap())
    }

    #[test]
    fn custody_moves_without_ownership_and_the_other_way_round() {
        let apply =
            |action, resource| effects_apply(action, party(2), pieces(10), Some(resource), None).unwrap().0.unwrap();
        let coated = apply(Action::TransferCustody, lot(10));
        assert_eq!((coated.owner, coated.custodian), (party(1), party(2)));
        let sold = apply(Action::TransferAllRights, lot(10));
        assert_eq!((sold.owner, sold.custodian), (party(2), party(1)));
        let delivered = apply(Action::Transfer, lot(10));
        assert_eq!((delivered.owner, delivered.custodian, delivered.on_hand.value), (party(2), party(2), Decimal::TEN));
    }

    #[test]
    fn nothing_falls_below_zero_and_held_things_stay() {
        let error = effects_apply(Action::Consume, party(1), pieces(11), Some(lot(10)), None).unwrap_err();
        assert_eq!(error.code, "record.resource.short");
        let held = Resource { state: ResourceState::Held, ..lot(10) };
        assert_eq!(
            effects_apply(Action::Transfer, party(2), pieces(1), Some(held), None).unwrap_err().code,
            "record.resource.held"
        );
        let error = effects_apply(Action::Transfer, party(2), pieces(4), Some(lot(10)), None).unwrap_err();
        assert_eq!(error.code, "record.resource.part");
        assert_eq!(
            effects_apply(Action::Consume, party(1), pieces(1), None, None).unwrap_err().code,
            "record.event.resource-needed"
        );
        effects_apply(Action::DeliverService, party(1), None, None, None).unwrap();
    }

    proptest! {
        #[test]
        fn splitting_a_lot_conserves_it(have in 0i64..1000, take in 0i64..1000) {
            let target = Resource { owner: party(2), custodian: party(2), ..lot(0) };
            match effects_apply(Action::Transfer, party(2), pieces(take), Some(lot(have)), Some(target)) {
                Ok((from, to)) => {
                    let (from, to) = (from.unwrap(), to.unwrap());
                    prop_assert_eq!(from.accounting.plus(to.accounting).unwrap().value, Decimal::from(have));
                    prop_assert_eq!(from.on_hand.plus(to.on_hand).unwrap().value, Decimal::from(have));
                    prop_assert!(from.on_hand.value >= Decimal::ZERO);
                }
                Err(error) => { prop_assert!(take > have); prop_assert_eq!(error.code, "record.resource.short"); }
            }
        }
    }
}
