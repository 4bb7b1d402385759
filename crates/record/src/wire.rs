//! What comes from outside: bounds of numbers and texts, and names for the kernel's exact types in the OpenAPI document.

use kernel::{Decimal, Error, Quantity, Result};
use utoipa::ToSchema;

/// An exact amount of money.
#[derive(ToSchema)]
#[schema(as = Money)]
#[expect(dead_code, reason = "stands for kernel::Money in the OpenAPI document")]
pub struct MoneySchema {
    /// Decimal text with at most the currency's digits, such as `12.50`.
    amount: String,
    /// ISO 4217 code.
    currency: String,
}

/// An exact quantity.
#[derive(ToSchema)]
#[schema(as = Quantity)]
#[expect(dead_code, reason = "stands for kernel::Quantity in the OpenAPI document")]
pub struct QuantitySchema {
    /// Decimal text.
    value: String,
    /// UN/ECE Rec 20 code.
    unit: String,
}

/// A half-open window of time.
#[derive(ToSchema)]
#[schema(as = Window)]
#[expect(dead_code, reason = "stands for kernel::Window in the OpenAPI document")]
pub struct WindowSchema {
    /// First moment inside.
    #[schema(format = DateTime)]
    from: String,
    /// First moment after.
    #[schema(format = DateTime)]
    to: String,
}

/// Largest number that a caller may state: sums of very many of them stay exact.
const NUMBER_MAX: i64 = 1_000_000_000_000_000;
/// Most decimal places that a caller may state.
const PLACES_MAX: u32 = 9;

/// A quantity from outside: at most ±10¹⁵ with nine decimal places.
///
/// # Errors
/// `record.quantity.out-of-range`.
pub fn quantity_check(quantity: Quantity, pointer: &str) -> Result<Quantity> {
    number_check(quantity.value, pointer)?;
    Ok(quantity)
}

/// A decimal from outside: at most ±10¹⁵ with nine decimal places.
///
/// # Errors
/// `record.quantity.out-of-range`.
pub fn number_check(value: Decimal, pointer: &str) -> Result<Decimal> {
    if value.abs() <= Decimal::from(NUMBER_MAX) && value.normalize().scale() <= PLACES_MAX {
        return Ok(value);
    }
    Err(Error::unprocessable("record.quantity.out-of-range", "a number is too large or too fine")
        .hint("state at most ±10¹⁵ with nine decimal places")
        .field(pointer, "at most ±10¹⁵ with nine decimal places"))
}

/// Text from outside: up to a number of characters, without control characters other than line breaks and tabs.
///
/// # Errors
/// `record.text.malformed`.
pub fn text_check(text: &str, max: usize, pointer: &str) -> Result<()> {
    let printable = text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'));
    if printable && text.chars().count() <= max {
        return Ok(());
    }
    Err(Error::unprocessable(
        "record.text.malformed",
        format!("a text is longer than {max} characters or holds control characters"),
    )
    .field(pointer, format!("at most {max} printable characters")))
}
